"""What the tables of purchasing promise. How the rows are made from records is in transform.py."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract, instant, money, rate, text, whole


class Suppliers(Contract):
    """A supplier of goods, with its address and usual terms."""

    table = "suppliers"

    id = whole("Id of the supplier.", source="id", key=True)
    name = text("Name of the company.", source="name")
    status = text("ACTIVE, INACTIVE or CANCELLED; open text.", source="status")
    currency = text("ISO 4217 code that the supplier invoices in.", source="currency.code")
    payment_terms_id = whole("Id of the usual terms of payment.", source="paymentTerms.id")
    payment_terms = text("The usual terms of payment.", source="paymentTerms.description")
    shipping_terms_id = whole("Id of the usual terms of delivery.", source="shippingTerms.id")
    shipping_terms = text("The usual terms of delivery.", source="shippingTerms.description")
    preferred_warehouse_id = whole("Usual warehouse, as `warehouses.id`.", source="preferredWarehouse.id")
    first_name = text("First name of the contact.", source="address.firstName", personal_data=True)
    last_name = text("Last name of the contact.", source="address.lastName", personal_data=True)
    company_name = text("Company in the address.", source="address.companyName", personal_data=True)
    attention = text("Attention line.", source="address.attention", personal_data=True)
    address1 = text("First address line.", source="address.address1", personal_data=True)
    address2 = text("Second address line.", source="address.address2", personal_data=True)
    zip_code = text("Postal code.", source="address.zipCode", personal_data=True)
    city = text("City.", source="address.city", personal_data=True)
    state_or_province = text("State or province, free text.", source="address.stateOrProvince", personal_data=True)
    country_code = text("Country, two letters.", source="address.country.code")
    email = text("E-mail address.", source="address.email", personal_data=True)
    phone_number = text("Telephone.", source="address.phoneNumber", personal_data=True)
    cell_phone_number = text("Mobile telephone.", source="address.cellPhoneNumber", personal_data=True)
    vat_number = text("VAT number.", source="address.vatNumber", personal_data=True)
    comment = text("Staff's comment.", source="comment", personal_data=True)

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("currency").str.len_chars() == 3


class PurchaseOrders(Contract):
    """An order to a supplier (all fields rest on inferred root fields)."""

    table = "purchase_orders"

    id = whole("Id of the purchase order.", source="id", key=True)
    supplier_id = whole("Supplier, as `suppliers.id` (inferred).", source="supplier.id")
    status = text("Status, in Centra's word; open text.", source="status")
    external_id = text("Id in the system that the token's integration speaks for (inferred).", source="externalId")
    our_reference = text("The merchant's own reference.", source="ourReference")
    created_at = instant("When it was created.", source="createdAt")
    updated_at = instant("When Centra last changed it.", source="updatedAt")
    eta = instant("Estimated time of arrival.", source="ETA")
    requested_etd = instant("Departure asked for.", source="requestedETD")
    confirmed_etd = instant("Departure the supplier confirmed.", source="confirmedETD")
    preferred_warehouse_id = whole("Warehouse, as `warehouses.id`.", source="preferredWarehouse.id")
    payment_terms_id = whole("Id of the terms of payment.", source="paymentTerms.id")
    payment_terms = text("The terms of payment.", source="paymentTerms.description")
    shipping_terms_id = whole("Id of the terms of delivery (inferred).", source="shippingTerms.id")
    shipping_terms = text("The terms of delivery (inferred).", source="shippingTerms.description")
    total_quantity = whole("Units ordered (inferred).", source="totalQuantity")
    total_cost = money("Cost of all lines, in `currency` (inferred).", source="totalCost.value")
    currency = text("ISO 4217 code of every amount, the lines' too.", source="currency.code")
    internal_comment = text("Comment for staff.", source="internalComment", personal_data=True)
    external_comment = text("Comment for the supplier.", source="externalComment", personal_data=True)

    @dy.rule()
    def totals_are_not_negative(cls) -> pl.Expr:
        return (pl.col("total_quantity") >= 0) & (pl.col("total_cost") >= 0)

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("currency").str.len_chars() == 3


class _Line(Contract):
    """What the lines of purchase orders and of deliveries have in common."""

    product_id = whole("Product, as `products.id`.", source="lines.product.id")
    product_variant_id = whole("Variant, as `product_variants.id`.", source="lines.productVariant.id")
    product_size_id = whole("Size, as `product_sizes.id`.", source="lines.productSize.id")
    quantity = whole("Units of the line.", source="lines.quantity")
    linked_quantity = whole("Units promised to order lines.", source="lines.linkedQuantity")
    unlinked_quantity = whole("Units promised to none.", source="lines.unlinkedQuantity")
    currency = text("ISO 4217 code of the amounts; the header's.", source="currency.code")
    unit_cost = money("Cost of one unit, without customs.", source="lines.unitCost.value")
    customs_type = text("How customs are reckoned, in Centra's word; open text.", source="lines.customsType")
    customs_percent = rate("Customs in per cent.", source="lines.customsPercent")
    customs_value = money("Customs as an amount.", source="lines.customsValue.value")

    @dy.rule()
    def quantities_are_not_negative(cls) -> pl.Expr:
        return (pl.col("quantity") >= 0) & (pl.col("linked_quantity") >= 0) & (pl.col("unlinked_quantity") >= 0)

    @dy.rule()
    def costs_are_not_negative(cls) -> pl.Expr:
        return (pl.col("unit_cost") >= 0) & (pl.col("customs_value") >= 0)


class PurchaseOrderLines(_Line):
    """A line of a purchase order. Centra gives it no id, so its place is its key and later lines move up."""

    table = "purchase_order_lines"

    purchase_order_id = whole("Purchase order, as `purchase_orders.id`.", source="id", key=True)
    position = whole("Place on the purchase order, from 1.", source="lines", key=True)


class Deliveries(Contract):
    """A delivery on a purchase order (all fields rest on inferred root fields)."""

    table = "deliveries"

    id = whole("Id of the delivery.", source="id", key=True)
    number = text("Number for people.", source="number")
    purchase_order_id = whole("Purchase order, as `purchase_orders.id`.", source="purchaseOrder.id")
    supplier_id = whole("Supplier, as `suppliers.id`.", source="supplier.id")
    warehouse_id = whole("Warehouse, as `warehouses.id`.", source="warehouse.id")
    stock_change_id = whole(
        "Stock change, as `stock_changes.id`, that booked the units in; null until the delivery is accepted.",
        source="stockChange.id",
    )
    status = text("Status, in Centra's word; open text.", source="status")
    created_at = instant("When it was created.", source="createdAt")
    ex_factory_date = instant("When the goods leave the factory.", source="exFactoryDate")
    eta = instant("Estimated time of arrival.", source="ETA")
    shipping_cost = money("Cost of transport, in `currency`.", source="shippingCost.value")
    other_costs = money("Other costs, in `currency`.", source="otherCosts.value")
    shipping_distribution_method = text(
        "How these costs are spread over the lines, in Centra's word; open text.", source="shippingDistributionMethod"
    )
    currency = text("ISO 4217 code of every amount, the lines' too.", source="currency.code")
    admin_user_id = whole("Id of the member of staff who made it.", source="adminUser.id")
    comment = text("Comment (inferred).", source="comment", personal_data=True)

    @dy.rule()
    def costs_are_not_negative(cls) -> pl.Expr:
        return (pl.col("shipping_cost") >= 0) & (pl.col("other_costs") >= 0)

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("currency").str.len_chars() == 3


class DeliveryLines(_Line):
    """A line of a delivery. Centra gives it no id, so its place is its key and later lines move up."""

    table = "delivery_lines"

    delivery_id = whole("Delivery, as `deliveries.id`.", source="id", key=True)
    position = whole("Place on the delivery, from 1.", source="lines", key=True)
    landed_cost = money(
        "Cost of one unit with customs and its share of transport and other costs.", source="lines.landedCost.value"
    )
