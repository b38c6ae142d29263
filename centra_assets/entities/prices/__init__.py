"""Prices and lowest recent prices, pricelist by pricelist. The pricelists themselves are reference data."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.prices import contracts
from centra_assets.entities.prices.transform import transform_lowest_prices, transform_prices

PRICES = Entity(
    name="prices",
    family="prices",
    description="Prices of variants in a pricelist, rows without a price included.",
    package=__name__,
    document="prices",
    operations=("PricesOfPricelist",),
    axis=Axis.PRICELIST,
    tables=(contracts.Prices,),
    transform=transform_prices,
)

LOWEST_PRICES = Entity(
    name="lowest_prices",
    family="prices",
    description="Lowest recent prices of variants in a pricelist.",
    package=__name__,
    document="lowest_prices",
    operations=("LowestPriceList", "LowestPricesOfPricelist"),
    axis=Axis.PRICELIST,
    tables=(contracts.LowestPrices,),
    transform=transform_lowest_prices,
    record_id="",
    id_filter=None,
)
