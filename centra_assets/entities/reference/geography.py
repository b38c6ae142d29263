"""Currencies, languages and countries. Which of them a market or pricelist uses is in `selling`."""

from collections.abc import Mapping

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract, flag, instant, rate, text, whole
from centra_assets.entities.frames import children, field, rows
from centra_assets.entities.frames import instant as read_instant
from centra_assets.entities.frames import rate as read_rate
from centra_assets.entities.model import TransformContext
from centra_assets.entities.reference.family import reference_entity


class Currencies(Contract):
    """One currency that the instance knows."""

    table = "currencies"
    id = whole("Id of the currency.", key=True)
    code = text("ISO 4217 code, three letters.")
    name = text("Name of the currency.")
    iso_number = text("ISO 4217 number, as text with leading zeros.", source="isoNumber")
    current_base_rate = rate(
        "Today's rate: an amount in this currency times this is the amount in the base currency. Documents keep the "
        "rate of their own day; never use this one for them.",
        source="currentBaseRate",
    )
    is_base = flag("Whether this is the instance's base currency.", source="isBase")
    denominator = whole("How many sub-units make one unit: 100 for EUR, 1 for JPY.")
    decimal_digits = whole("How many decimals are shown.", source="decimalDigits")
    decimal_point = text("The sign between units and decimals.", source="decimalPoint")
    thousands_separator = text("The sign between thousands.", source="thousandsSeparator")
    prefix = text("What stands before an amount.")
    suffix = text("What stands after an amount.")
    external_id = text("Id of the currency in the system of the token's integration.", source="externalId")
    updated_at = instant("When the currency, its rate above all, was last changed.", source="updatedAt")

    @dy.rule()
    def code_has_three_letters(cls) -> pl.Expr:
        return pl.col("code").str.contains("^[A-Z]{3}$")

    @dy.rule()
    def denominator_positive(cls) -> pl.Expr:
        return pl.col("denominator") > 0

    @dy.rule()
    def current_base_rate_positive(cls) -> pl.Expr:
        return pl.col("current_base_rate") > 0


class Languages(Contract):
    """One language that the instance knows."""

    table = "languages"
    id = whole("Id of the language.", key=True)
    code = text("Code of the language, such as `sv` or `en-GB`.")
    name = text("Name of the language.")
    language_code = text("ISO 639 code.", source="languageCode")
    language_name = text("Name of the language without its country.", source="languageName")
    country_code = text("ISO 3166 code of the country whose variety it is.", source="countryCode")
    is_available_for_translation = flag("Whether texts can be translated into it.", source="isAvailableForTranslation")
    is_active = flag("Whether it is in use.", source="isActive")


class LanguageCountries(Contract):
    """One country in which a language is offered."""

    table = "language_countries"
    language_id = whole("The language.", source="id", key=True)
    country_id = whole("The country.", source="countries.id", key=True)
    country_code = text("ISO 3166 code of the country, two letters.", source="countries.code")


class Countries(Contract):
    """One country that the instance knows."""

    table = "countries"
    id = whole("Id of the country.", key=True)
    code = text("ISO 3166 code, two letters.")
    name = text("Name of the country in the instance's default language.")
    continent = text("Continent.")
    is_eu = flag("Whether the country is in the European Union.", source="isEU")
    total_states = whole("How many states Centra knows of the country.", source="totalStates")

    @dy.rule()
    def total_states_not_negative(cls) -> pl.Expr:
        return pl.col("total_states") >= 0


class CountryStates(Contract):
    """One state or province of a country."""

    table = "country_states"
    id = whole("Id of the state.", source="states.id", key=True)
    country_id = whole("The country.", source="id")
    code = text("Code of the state, such as `CA`.", source="states.code")
    name = text("Name of the state.", source="states.name")


def currencies(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Currencies, one row each."""
    return {
        "currencies": rows(
            records,
            {
                "id": field("id"),
                "code": field("code"),
                "name": field("name"),
                "iso_number": field("isoNumber"),
                "current_base_rate": read_rate("currentBaseRate"),
                "is_base": field("isBase"),
                "denominator": field("denominator"),
                "decimal_digits": field("decimalDigits"),
                "decimal_point": field("decimalPoint"),
                "thousands_separator": field("thousandsSeparator"),
                "prefix": field("prefix"),
                "suffix": field("suffix"),
                "external_id": field("externalId"),
                "updated_at": read_instant("updatedAt"),
            },
        )
    }


def languages(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Languages and the countries that they are offered in."""
    offered_in = children(records, "countries", language_id=field("id"))
    return {
        "languages": rows(
            records,
            {
                "id": field("id"),
                "code": field("code"),
                "name": field("name"),
                "language_code": field("languageCode"),
                "language_name": field("languageName"),
                "country_code": field("countryCode"),
                "is_available_for_translation": field("isAvailableForTranslation"),
                "is_active": field("isActive"),
            },
        ),
        "language_countries": rows(
            offered_in,
            {"language_id": pl.col("language_id"), "country_id": field("id"), "country_code": field("code")},
        ),
    }


def countries(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Countries and their states."""
    states = children(records, "states", country_id=field("id"))
    return {
        "countries": rows(
            records,
            {
                "id": field("id"),
                "code": field("code"),
                "name": field("name"),
                "continent": field("continent"),
                "is_eu": field("isEU"),
                "total_states": field("totalStates"),
            },
        ),
        "country_states": rows(
            states,
            {
                "id": field("id"),
                "country_id": pl.col("country_id"),
                "code": field("code"),
                "name": field("name"),
            },
        ),
    }


CURRENCIES = reference_entity(
    name="currencies",
    description="Currencies with their present rate to the base currency.",
    document="currencies",
    operations=("Currencies",),
    tables=(Currencies,),
    transform=currencies,
    updated_at="updatedAt",
)
LANGUAGES = reference_entity(
    name="languages",
    description="Languages and the countries that they are offered in.",
    document="languages",
    operations=("Languages",),
    tables=(Languages, LanguageCountries),
    transform=languages,
    nested={"countries": "LanguageCountries"},
)
COUNTRIES = reference_entity(
    name="countries",
    description="Countries and their states.",
    document="countries",
    operations=("Countries",),
    tables=(Countries, CountryStates),
    transform=countries,
    nested={"states": "CountryStates"},
)
