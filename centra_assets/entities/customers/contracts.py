"""What the tables read from customers and newsletter subscriptions promise. How they are read is in `transform.py`."""

from centra_assets.entities.addresses import AddressContract
from centra_assets.entities.attributes import PersonAttributeContract
from centra_assets.entities.contract import Contract, day, flag, instant, text, whole


class Customers(Contract):
    """One row is one direct-to-consumer customer of one store.

    One e-mail address can own two customers, registered and guest, so count ids. An anonymised customer keeps its row
    and loses its personal data.
    """

    table = "customers"

    id = whole("The customer's id.", key=True, source="id")
    store_id = whole("Store the customer belongs to.", source="store.id")
    market_id = whole("Market the customer is bound to (inferred field).", source="market.id")
    pricelist_id = whole("Pricelist the customer is bound to (inferred field).", source="pricelist.id")
    country_code = text("ISO 3166 code of the customer's country (inferred field).", source="country.code")
    language_code = text("Code of the customer's language (inferred field).", source="language.code")
    status = text("ACTIVE, INACTIVE or CANCELLED.", source="status")
    is_anonymized = flag("The personal data was erased in Centra (inferred field).", source="isAnonymized")
    receives_newsletters = flag("Agreed to newsletters (inferred field).", source="receiveNewsletters")
    total_orders = whole("Orders placed, by Centra's own count.", source="totalOrders")
    created_at = instant("When the customer was created.", source="createdAt")
    updated_at = instant("When Centra last changed the customer.", source="updatedAt")
    last_login_at = instant("When the customer last logged in.", source="lastLoginAt")
    email = text("E-mail address; not unique.", source="email", personal_data=True)
    first_name = text("Given name.", source="firstName", personal_data=True)
    last_name = text("Family name.", source="lastName", personal_data=True)
    phone_number = text("Telephone (inferred field).", source="phoneNumber", personal_data=True)
    cell_phone_number = text("Mobile telephone (inferred field).", source="cellPhoneNumber", personal_data=True)
    birthdate = day("Day of birth.", source="birthdate", personal_data=True)
    gender = text("MALE, FEMALE or OTHER.", source="gender", personal_data=True)
    website_url = text("Website (inferred field).", source="websiteUrl", personal_data=True)
    internal_comment = text("Merchant's note (inferred field).", source="internalComment", personal_data=True)
    external_id = text("Id in another system (inferred field).", source="externalId", personal_data=True)


class _CustomerAndKind(Contract):
    """What tells the addresses of customers apart."""

    customer_id = whole("The customer.", key=True, source="id")
    kind = text("billing: the only address that Centra keeps on a customer.", key=True)


class CustomerAddresses(_CustomerAndKind, AddressContract):
    """One row is the address that a customer has on file. What was written on an order is in `order_addresses`."""

    table = "customer_addresses"


class CustomerAttributes(PersonAttributeContract):
    """One row is one element of a custom attribute on a customer; empty where the instance defines none for them."""

    table = "customer_attributes"


class NewsletterSubscriptions(Contract):
    """One row is one newsletter subscription, of a whole store or of one product that is awaited."""

    table = "newsletter_subscriptions"

    id = whole("The subscription's id.", key=True, source="id")
    store_id = whole("Store subscribed to.", source="store.id")
    country_code = text("ISO 3166 code of the subscriber's country.", source="country.code")
    product_variant_id = whole("Variant subscribed to; null for the newsletter as such.", source="productVariant.id")
    product_size_id = whole("Size subscribed to; null for the newsletter as such.", source="productSize.id")
    is_active = flag("False after unsubscribing.", source="isActive")
    created_at = instant("When it was made.", source="createdAt")
    email = text("Subscriber's e-mail address.", source="email", personal_data=True)
