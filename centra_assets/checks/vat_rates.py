"""VAT rates that are plausible in a country. What an order should be taxed is for the merchant's tax adviser to say.

Rates in percent, standard and reduced, that were in force at some time from 2021 to 2026: published tables of the EU's,
Norway's, Switzerland's and the United Kingdom's rates of March 2021 (scopulus.co.uk, "European VAT rates") and of 2025
(vat-solutions.com, "VAT rates 2025 in the European Union"; Estonia's and Romania's of that summer from calculariva.app,
"VAT 2025 in the 27 EU countries"); what came between them: Luxembourg's year of 2023 (dlapiper.com), Cyprus since July
2023 (meridianglobalservices.com), Malta since 2024 (vatcalc.com), Romania since August 2025 (regfollower.com); what
2026 brought: Finland since January (vatapi.com), Lithuania since January (sovos.com, Law XV-287), Austria since July
(essentiaglobalservices.com; BGBl. I 37/2026). What a country taxes at which of its rates is not told here.

Orders of later years are judged by the same rates. One that is newer than this page becomes plausible on order lines by
a tax rule in Centra.
"""

from collections.abc import Mapping
from decimal import Decimal

# The last year of which this page knows.
ENDS = 2026

# Where no table says more; the highest standard rate of all is Hungary's.
HIGHEST = Decimal(27)

_RATES = """
AT 20 10 13 4.9
BE 21 6 12
BG 20 9
CH 8.1 2.6 3.8 7.7 2.5 3.7
CY 19 5 9 3
CZ 21 12 10 15
DE 19 7
DK 25
EE 24 22 20 9 13
ES 21 10 4
FI 25.5 24 10 14 13.5
FR 20 5.5 10 2.1
GB 20 5
GR 24 6 13
HR 25 5 13
HU 27 5 18
IE 23 21 9 13.5 4.8
IT 22 10 5 4
LT 21 5 9 12
LU 17 8 14 3 16 7 13
LV 21 12 5
MT 18 5 7 12
NL 21 9
NO 25 15 12
PL 23 5 8
PT 23 6 13
RO 21 19 5 9 11
SE 25 6 12
SI 22 9.5 5
SK 23 20 19 10 5
"""

RATES: Mapping[str, frozenset[Decimal]] = {
    country: frozenset(Decimal(rate) for rate in rates)
    for country, *rates in (line.split() for line in _RATES.split("\n") if line)
}


def is_plausible(country: str, rate: Decimal, configured: frozenset[Decimal] = frozenset()) -> bool:
    """Whether goods may be taxed so in a country (two letters): not at all, by law, or by a rule of the merchant."""
    if rate == 0 or rate in configured:
        return True
    known = RATES.get(country)
    return rate in known if known else 0 < rate <= HIGHEST
