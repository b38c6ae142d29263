"""How products are sorted: brands, categories, collections, folders, size charts. Products are a family apart."""

from collections.abc import Mapping

import dataframely as dy
import polars as pl

from centra_assets.entities.attributes import AttributeContract, TranslationContract, attribute_rows, translation_rows
from centra_assets.entities.contract import Contract, document, flag, text, whole
from centra_assets.entities.frames import children, field, rows
from centra_assets.entities.model import TransformContext
from centra_assets.entities.reference.family import json_list, reference_entity


class Brands(Contract):
    """One brand."""

    table = "brands"
    id = whole("Id of the brand.", key=True)
    name = text("Name of the brand.")
    uri = text("Part of the address that names the brand (inferred).")
    external_id = text("Id of the brand in the system of the token's integration (inferred).", source="externalId")


class Collections(Contract):
    """One collection, such as a season."""

    table = "collections"
    id = whole("Id of the collection.", key=True)
    name = text("Name of the collection.")
    status = text("ACTIVE or INACTIVE.")
    uri = text("Part of the address that names the collection.")
    total_products = whole("How many products are in it, as Centra counts.", source="totalProducts")
    external_id = text("Id of the collection in the system of the token's integration.", source="externalId")

    @dy.rule()
    def total_products_not_negative(cls) -> pl.Expr:
        return pl.col("total_products") >= 0


class Categories(Contract):
    """One category of a store; categories nest up to six levels deep."""

    table = "categories"
    id = whole("Id of the category.", key=True)
    store_id = whole("Store that the category belongs to.", source="store.id")
    parent_category_id = whole(
        "Category above it, null at the top (inferred; `category_children` says the same from above).",
        source="parentCategory.id",
    )
    is_top_category = flag("Whether it is at the top.", source="isTopCategory")
    name = text("Name in the instance's default language.")
    status = text("ACTIVE or INACTIVE.")
    uri = text("Part of the address that names the category.")
    meta_title = text("Title for search engines.", source="metaTitle")
    meta_description = text("Description for search engines.", source="metaDescription")
    meta_keywords = text("Keywords for search engines.", source="metaKeywords")


class CategoryChildren(Contract):
    """One category directly below another, in the merchant's order."""

    table = "category_children"
    category_id = whole("The category above.", source="id", key=True)
    child_category_id = whole("The category below.", source="childCategories.id", key=True)
    position = whole("Place among the children, from 1.", source="childCategories")


class CategoryAttributes(AttributeContract):
    """One element of one attribute value assigned to a category."""

    table = "category_attributes"


class CategoryTranslations(TranslationContract):
    """One translated field of a category in one language."""

    table = "category_translations"


class Folders(Contract):
    """One folder, in which the merchant's staff keeps products; folders nest and shoppers never see them."""

    table = "folders"
    id = whole("Id of the folder.", key=True)
    parent_folder_id = whole(
        "Folder above it, null at the top (inferred; `folder_children` says the same from above).",
        source="parentFolder.id",
    )
    is_top_folder = flag("Whether it is at the top.", source="isTopFolder")
    name = text("Name of the folder.")
    external_id = text("Id of the folder in the system of the token's integration.", source="externalId")


class FolderChildren(Contract):
    """One folder directly below another, in the merchant's order."""

    table = "folder_children"
    folder_id = whole("The folder above.", source="id", key=True)
    child_folder_id = whole("The folder below.", source="childFolders.id", key=True)
    position = whole("Place among the children, from 1.", source="childFolders")


class SizeCharts(Contract):
    """One size chart: the sizes that a variant can have, one- or two-dimensional."""

    table = "size_charts"
    id = whole("Id of the size chart.", key=True)
    name = text("Name of the size chart.")
    horizontal_labels = document("Labels along the first dimension, a list of texts.", source="horizontalLabels")
    vertical_labels = document(
        "Labels along the second dimension, a list of texts; null or empty for a chart of one.", source="verticalLabels"
    )
    divider_symbol = text("What stands between the labels in a size's name.", source="dividerSymbol")
    display_divided_by = whole("By how much quantities are divided when shown.", source="displayDividedBy")
    display_unit = text("Unit in which quantities are shown.", source="displayUnit")
    external_id = text("Id of the size chart in the system of the token's integration.", source="externalId")


class Sizes(Contract):
    """One size of a size chart."""

    table = "sizes"
    id = whole("Id of the size.", source="sizes.id", key=True)
    size_chart_id = whole("The size chart.", source="id")
    position = whole("Place in the size chart, from 1.", source="sizes")
    name = text("Name of the size, such as `M` or `32/34`.", source="sizes.name")
    external_id = text(
        "Id of the size in the system of the token's integration, `Chart|Size` by rule.", source="sizes.externalId"
    )


def brands(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Brands, one row each."""
    return {
        "brands": rows(
            records,
            {"id": field("id"), "name": field("name"), "uri": field("uri"), "external_id": field("externalId")},
        )
    }


def collections(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Collections, one row each."""
    return {
        "collections": rows(
            records,
            {
                "id": field("id"),
                "name": field("name"),
                "status": field("status"),
                "uri": field("uri"),
                "total_products": field("totalProducts"),
                "external_id": field("externalId"),
            },
        )
    }


def categories(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Categories with their children, custom attributes and translations."""
    return {
        "categories": rows(
            records,
            {
                "id": field("id"),
                "store_id": field("store.id"),
                "parent_category_id": field("parentCategory.id"),
                "is_top_category": field("isTopCategory"),
                "name": field("name"),
                "status": field("status"),
                "uri": field("uri"),
                "meta_title": field("metaTitle"),
                "meta_description": field("metaDescription"),
                "meta_keywords": field("metaKeywords"),
            },
        ),
        "category_children": _nested_below(records, "childCategories", "category"),
        "category_attributes": attribute_rows(records, "Category", field("id")),
        "category_translations": translation_rows(records, "Category", field("id")),
    }


def folders(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Folders and their children."""
    return {
        "folders": rows(
            records,
            {
                "id": field("id"),
                "parent_folder_id": field("parentFolder.id"),
                "is_top_folder": field("isTopFolder"),
                "name": field("name"),
                "external_id": field("externalId"),
            },
        ),
        "folder_children": _nested_below(records, "childFolders", "folder"),
    }


def _nested_below(records: pl.DataFrame, path: str, kind: str) -> pl.DataFrame:
    below = children(records, path, position="position", parent=field("id"))
    return rows(
        below, {f"{kind}_id": pl.col("parent"), f"child_{kind}_id": field("id"), "position": pl.col("position")}
    )


def size_charts(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Size charts and their sizes."""
    sizes = children(records, "sizes", position="position", size_chart_id=field("id"))
    return {
        "size_charts": rows(
            records,
            {
                "id": field("id"),
                "name": field("name"),
                "horizontal_labels": json_list("horizontalLabels"),
                "vertical_labels": json_list("verticalLabels"),
                "divider_symbol": field("dividerSymbol"),
                "display_divided_by": field("displayDividedBy"),
                "display_unit": field("displayUnit"),
                "external_id": field("externalId"),
            },
        ),
        "sizes": rows(
            sizes,
            {
                "id": field("id"),
                "size_chart_id": pl.col("size_chart_id"),
                "position": pl.col("position"),
                "name": field("name"),
                "external_id": field("externalId"),
            },
        ),
    }


BRANDS = reference_entity(
    name="brands",
    description="Brands.",
    document="brands",
    operations=("Brands",),
    tables=(Brands,),
    transform=brands,
)
COLLECTIONS = reference_entity(
    name="collections",
    description="Collections of products, such as seasons.",
    document="collections",
    operations=("Collections",),
    tables=(Collections,),
    transform=collections,
)
CATEGORIES = reference_entity(
    name="categories",
    description="Categories of every store, their order, translations and custom attributes.",
    document="categories",
    operations=("Categories",),
    tables=(Categories, CategoryChildren, CategoryAttributes, CategoryTranslations),
    transform=categories,
    nested={"childCategories": "CategoryChildren"},
    attributes_of=("Category",),
    attribute_paths=("attributes",),
)
FOLDERS = reference_entity(
    name="folders",
    description="Folders in which the merchant's staff keeps products.",
    document="folders",
    operations=("Folders",),
    tables=(Folders, FolderChildren),
    transform=folders,
    nested={"childFolders": "FolderChildren"},
)
SIZE_CHARTS = reference_entity(
    name="size_charts",
    description="Size charts and their sizes.",
    document="size_charts",
    operations=("SizeCharts",),
    tables=(SizeCharts, Sizes),
    transform=size_charts,
)
