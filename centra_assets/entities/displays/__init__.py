"""Displays: how each store shows its products. The products themselves are elsewhere."""

from centra_assets.entities.displays import contracts
from centra_assets.entities.displays.transform import transform
from centra_assets.entities.model import Axis, Entity

DISPLAYS = Entity(
    name="displays",
    family="displays",
    description="How a store shows its products: texts, items, categories, markets, media, relations.",
    package=__name__,
    document="displays",
    operations=("DisplayConnection", "DisplayList"),
    axis=Axis.STORE,
    updated_at="updatedAt",
    tables=(
        contracts.Displays,
        contracts.DisplayItems,
        contracts.DisplayCategories,
        contracts.DisplayMarkets,
        contracts.DisplayMedia,
        contracts.DisplayRelations,
        contracts.DisplayTags,
        contracts.DisplayAttributes,
        contracts.DisplayTranslations,
    ),
    transform=transform,
    # Centra lists displays among the heavy lists, which it pages by 100 at most.
    page_limit=100,
    nested={
        "displayItems": "DisplayItemsOfOne",
        "categories": "DisplayCategoriesOfOne",
        "markets": "DisplayMarketsOfOne",
    },
    attributes_of=("Display",),
    attribute_paths=("attributes",),
)
