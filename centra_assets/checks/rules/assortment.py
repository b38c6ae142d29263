"""Rules of what is for sale: prices, texts, bar codes, bundles, periods of campaigns and vouchers. No stock."""

from centra_assets.checks.rules.rule import Rule

# Without the blanks, tabs, line ends and hard spaces around it.
_BAR_CODE = r"btrim(ean, U&' \0009\000A\000D\00A0')"


def _period(table: str) -> Rule:
    return Rule(
        table=table,
        name="period_is_sane",
        failures=f"select id::text as key from core.{table} where stop_at < start_at",
        meaning=f"Rows of core.{table} that stop before they start, so that they never hold.",
        remedy="Correct the period in Centra; the price or discount does not apply until then.",
        severe=False,
    )


ASSORTMENT_RULES: tuple[Rule, ...] = (
    Rule(
        table="displays",
        name="variants_have_their_prices",
        # The pricelists of a market are those of its store that are assigned to one of its countries. One without any
        # price would fail with every variant that is shown; it has a rule of its own.
        failures="with reach as (select distinct mc.market_id, p.id as pricelist_id, p.store_id"
        " from core.market_countries mc join core.pricelist_countries pc on pc.country_id = mc.country_id"
        " join core.pricelists p on p.id = pc.pricelist_id and p.status = 'ACTIVE'"
        " join (select distinct pricelist_id from core.prices ) used on used.pricelist_id = p.id), "
        "shown as (select distinct d.id, i.product_variant_id, r.pricelist_id from core.displays d"
        " join core.display_items i on i.display_id = d.id"
        " join core.display_markets dm on dm.display_id = d.id"
        " join reach r on r.market_id = dm.market_id and r.store_id = d.store_id"
        " join core.product_variants v on v.id = i.product_variant_id and v.status = 'ACTIVE'"
        " where d.status = 'ACTIVE') "
        "select s.id || '/' || s.product_variant_id || '/' || s.pricelist_id as key from shown s "
        "left join core.prices c on c.pricelist_id = s.pricelist_id and c.product_variant_id = s.product_variant_id"
        " and c.price is not null where c.id is null",
        meaning="An active display shows a variant in a market for which a pricelist has no price: it is seen there "
        "and cannot be bought. The key is display/variant/pricelist.",
        remedy="Set the price in Centra, or take the display out of the market.",
        tables=(
            "display_items",
            "display_markets",
            "market_countries",
            "pricelists",
            "pricelist_countries",
            "prices",
            "product_variants",
        ),
        severe=False,
    ),
    Rule(
        table="pricelists",
        name="active_ones_have_prices",
        failures="select p.id::text as key from core.pricelists p where p.status = 'ACTIVE' "
        "and exists (select from core.prices ) "
        "and not exists (select from core.prices c where c.pricelist_id = p.id and c.price is not null) "
        "and (exists (select from core.pricelist_countries pc"
        " join core.market_countries mc on mc.country_id = pc.country_id"
        " join core.markets m on m.id = mc.market_id and m.store_id = p.store_id where pc.pricelist_id = p.id)"
        " or exists (select from core.accounts a"
        " where a.pricelist_id = p.id and coalesce(a.status, 'ACTIVE') = 'ACTIVE'))",
        meaning="An active pricelist of a market or of an account has no price at all: whoever is given it can buy "
        "nothing, or its prices were never loaded here.",
        remedy="Materialize raw and core of prices for the pricelist; if it stays, set prices in Centra or deactivate "
        "the pricelist until they are there.",
        tables=("prices", "pricelist_countries", "market_countries", "markets", "accounts"),
        severe=False,
    ),
    Rule(
        table="displays",
        name="texts_are_in_every_language",
        # Centra sends no texts of its default language, and a language that nothing is translated into is not in use.
        failures="with spoken as (select distinct mc.market_id, g.id as language_id from core.languages g"
        " join core.language_countries gc on gc.language_id = g.id"
        " join core.market_countries mc on mc.country_id = gc.country_id"
        " join (select distinct language_id from core.display_translations ) used on used.language_id = g.id"
        " where g.is_active and g.is_available_for_translation), "
        "needed as (select distinct d.id, s.language_id from core.displays d"
        " join core.display_markets dm on dm.display_id = d.id join spoken s on s.market_id = dm.market_id"
        " where d.status = 'ACTIVE') "
        "select n.id || '/' || n.language_id as key from needed n left join core.display_translations t"
        " on t.object_id = n.id and t.language_id = n.language_id and t.field = 'name' and t.value <> '' "
        "where t.object_id is null",
        meaning="An active display has no name in a language that is spoken in one of its markets and that other "
        "displays are translated into. The key is display/language.",
        remedy="Translate the display in Centra, or take it out of the market.",
        tables=("languages", "language_countries", "market_countries", "display_markets", "display_translations"),
        severe=False,
    ),
    Rule(
        table="product_sizes",
        name="eans_are_unique",
        # A blank beside the code is none for a scanner.
        failures=f"select s.id::text as key from core.product_sizes s join (select {_BAR_CODE} as code"
        f" from core.product_sizes where is_active and {_BAR_CODE} <> '' group by 1 having count(*) > 1) twice"
        f" on twice.code = {_BAR_CODE} where s.is_active",
        meaning="Two active sizes have one EAN: a scanner cannot tell them apart, and stock goes to the wrong one. A "
        "code that a retired size had may be used again.",
        remedy="Correct the bar code of one of them in Centra.",
        severe=False,
    ),
    Rule(
        table="bundles",
        name="bundles_are_complete",
        # A part that is not in core at all is told by the reference.
        failures="with parts as (select b.id, i.section_id, b.type,"
        " bool_and(coalesce(v.status = 'ACTIVE', true)) as is_whole,"
        " bool_or(coalesce(v.status = 'ACTIVE', true)) as has_choice"
        " from core.bundles b join core.products p on p.id = b.product_id and p.status = 'ACTIVE'"
        " left join core.bundle_items i on i.bundle_id = b.id"
        " left join core.product_variants v on v.id = i.product_variant_id group by 1, 2, 3) "
        "select distinct id::text as key from parts where section_id is null "
        "or not case when type = 'FIXED' then is_whole else has_choice end",
        meaning="An active bundle lacks a part: one that is not active, or, where the shopper chooses, a section with "
        "nothing left to choose; or it has no parts at all.",
        remedy="Mend the bundle in Centra or take it off the shop; it cannot be allocated as it is.",
        tables=("bundle_items", "products", "product_variants"),
        severe=False,
    ),
    _period("campaign_variants"),
    _period("vouchers"),
)
