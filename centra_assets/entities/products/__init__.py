"""Products with their variants, sizes, texts, media and bundles. What they cost or how many there are is elsewhere."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.products import contracts
from centra_assets.entities.products.transform import transform_products, transform_variant_details

PRODUCTS = Entity(
    name="products",
    family="products",
    description="Products with their variants and sizes, attributes, translations, media and bundle.",
    package=__name__,
    document="products",
    operations=("ProductConnection", "ProductList"),
    axis=Axis.MONTH,
    created_at="createdAt",
    # That products can be sorted by creation is inferred; without it they come by id.
    sorted_by_creation=False,
    updated_at="updatedAt",
    tables=(
        contracts.Products,
        contracts.ProductVariants,
        contracts.ProductSizes,
        contracts.ProductMedia,
        contracts.Bundles,
        contracts.BundleItems,
        contracts.ProductAttributes,
        contracts.ProductTranslations,
    ),
    transform=transform_products,
    nested={"media": "ProductMediaOfOne", "variants": "ProductVariantsOfOne"},
    attributes_of=("Product",),
    attribute_paths=("attributes",),
)

# Apart from the products: attributes and translations are five sixths of a variant's cost, and below a product they
# would be charged for ten variants whether it has ten or one. See docs/data-model-catalogue.md.
PRODUCT_VARIANT_DETAILS = Entity(
    name="product_variant_details",
    family="products",
    description="Attributes, translations and choice of media of every product variant.",
    package=__name__,
    document="product_variant_details",
    operations=("ProductVariantConnection", "ProductVariantList"),
    axis=Axis.NONE,
    updated_at="updatedAt",
    tables=(
        contracts.ProductVariantAttributes,
        contracts.ProductVariantTranslations,
        contracts.ProductVariantMedia,
    ),
    transform=transform_variant_details,
    attributes_of=("ProductVariant",),
    attribute_paths=("attributes",),
)
