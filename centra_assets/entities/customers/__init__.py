"""Direct-to-consumer customers and newsletter subscriptions. Wholesale accounts and buyers are elsewhere."""

from centra_assets.entities.customers.contracts import (
    CustomerAddresses,
    CustomerAttributes,
    Customers,
    NewsletterSubscriptions,
)
from centra_assets.entities.customers.transform import transform_customers, transform_subscriptions
from centra_assets.entities.model import Axis, Entity

CUSTOMERS = Entity(
    name="customers",
    family="customers",
    description="Direct-to-consumer customers, registered and guests, anonymised ones included.",
    package=__name__,
    document="customers",
    operations=("CustomerConnection", "Customers"),
    axis=Axis.DAY,
    tables=(Customers, CustomerAddresses, CustomerAttributes),
    transform=transform_customers,
    created_at="createdAt",
    updated_at="updatedAt",
    attributes_of=("Customer",),
    attribute_paths=("attributes",),
)

NEWSLETTER_SUBSCRIPTIONS = Entity(
    name="newsletter_subscriptions",
    family="customers",
    description="Newsletter subscriptions, of stores and of awaited products; read whole.",
    package=__name__,
    document="newsletter_subscriptions",
    operations=("NewsletterSubscriptions",),
    axis=Axis.NONE,
    tables=(NewsletterSubscriptions,),
    transform=transform_subscriptions,
)
