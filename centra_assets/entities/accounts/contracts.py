"""What the tables read from wholesale accounts promise. How they are read is in `transform.py`."""

import dataframely as dy
import polars as pl

from centra_assets.entities.addresses import AddressContract
from centra_assets.entities.attributes import PersonAttributeContract
from centra_assets.entities.contract import Contract, flag, instant, money, rate, text, whole


class Accounts(Contract):
    """One row is one wholesale account: a company that orders through its buyers."""

    table = "accounts"

    id = whole("The account's id.", key=True, source="id")
    name = text("Company name.", source="name")
    status = text("ACTIVE, INACTIVE or CANCELLED.", source="status")
    market_id = whole("Market it buys in.", source="market.id")
    pricelist_id = whole("Pricelist it buys at.", source="pricelist.id")
    allocation_rule_id = whole("Allocation rule of its orders.", source="allocationRule.id")
    tax_class_id = whole("Tax class.", source="taxClass.id")
    payment_terms_id = whole("Payment terms.", source="paymentTerms.id")
    payment_terms = text("Payment terms as shown.", source="paymentTerms.description")
    shipping_terms_id = whole("Shipping terms.", source="shippingTerms.id")
    shipping_terms = text("Shipping terms as shown.", source="shippingTerms.description")
    sales_representative_id = whole("Sales representative.", source="salesRepresentative.id")
    sales_representative_name = text(
        "Name of the sales representative.", source="salesRepresentative.name", personal_data=True
    )
    commission_percent = rate(
        "Commission of the sales representative in percent.", source="salesRepresentative.commissionPercent"
    )
    carrier_name = text("Carrier it wants.", source="carrierInformation.carrierName")
    carrier_service_name = text("Carrier's service it wants.", source="carrierInformation.serviceName")
    discount_percent = rate("General discount in percent.", source="discountPercent")
    is_discount_visible = flag("Its buyers see the discount.", source="isDiscountVisible")
    credit_limit = money("Credit limit.", source="creditLimit")
    credit_limit_currency = text("ISO 4217 code of the credit limit.", source="creditLimit.currency.code")
    applies_credit_limit = flag("The credit limit is enforced.", source="applyCreditLimit")
    allows_consignation = flag("May take goods on consignment.", source="allowConsignation")
    blocks_if_unpaid_invoices = flag("Cannot order while invoices are unpaid.", source="blockIfUnpaidInvoices")
    has_brands_restriction = flag("Sees only some brands.", source="hasBrandsRestriction")
    is_internal = flag("An internal account, to be left out of figures.", source="isInternal")
    created_at = instant("When it was created.", source="createdAt")
    updated_at = instant("When Centra last changed it.", source="updatedAt")
    vat_number = text("VAT number; a sole trader's may be a person's.", source="vatNumber", personal_data=True)
    website_url = text("Website.", source="websiteUrl")
    account_email = text("General e-mail address.", source="accountEmail", personal_data=True)
    billing_email = text("E-mail address for invoices.", source="billingEmail", personal_data=True)
    shipping_email = text("E-mail address for deliveries.", source="shippingEmail", personal_data=True)
    internal_comment = text("Merchant's note.", source="internalComment", personal_data=True)
    other_comment = text("Comment; free text.", source="otherComment", personal_data=True)
    external_id = text("Id in another system (inferred field).", source="externalId")

    @dy.rule()
    def the_discount_is_a_percentage(cls) -> pl.Expr:
        return pl.col("discount_percent") <= 100


class Buyers(Contract):
    """One row is one person who orders for a wholesale account."""

    table = "buyers"

    id = whole("The buyer's id.", key=True, source="buyers.id")
    account_id = whole("The account.", nullable=False, source="id")
    store_id = whole("Store the buyer belongs to (inferred field).", source="buyers.store.id")
    status = text("ACTIVE, INACTIVE or CANCELLED.", source="buyers.status")
    receives_auto_emails = flag("Gets automatic e-mails.", source="buyers.receiveAutoEmails")
    receives_newsletters = flag("Agreed to newsletters (inferred field).", source="buyers.receiveNewsletters")
    email = text("E-mail address.", source="buyers.email", personal_data=True)
    first_name = text("Given name.", source="buyers.firstName", personal_data=True)
    last_name = text("Family name.", source="buyers.lastName", personal_data=True)
    website_url = text("Website.", source="buyers.websiteUrl", personal_data=True)
    billing_country_code = text("ISO 3166 code of the billing country.", source="buyers.billingAddress.country.code")


class _AccountAndKind(Contract):
    """What tells the addresses of accounts apart."""

    account_id = whole("The account.", key=True, source="id")
    kind = text("account, billing, shipping, or book for an entry of the address book.", key=True)
    position = whole("Place within the kind, from 1; above 1 only in the address book.", key=True)
    address_book_entry_id = whole("Id of the address book's entry, where Centra gives one.", source="addressBook.id")
    address_book_entry_name = text("Name of the entry.", source="addressBook.name", personal_data=True)
    external_id = text("The entry's id in another system.", source="addressBook.externalId")


class AccountAddresses(_AccountAndKind, AddressContract):
    """One row is one address of a wholesale account: its own, for billing, for shipping, or of its address book."""

    table = "account_addresses"


class AccountAttributes(PersonAttributeContract):
    """One row is one element of a custom attribute on an account; empty where the instance defines none for them."""

    table = "account_attributes"
