"""Wholesale accounts with their buyers and addresses. Direct-to-consumer customers are elsewhere."""

from centra_assets.entities.accounts.contracts import AccountAddresses, AccountAttributes, Accounts, Buyers
from centra_assets.entities.accounts.transform import transform
from centra_assets.entities.model import Axis, Entity

ACCOUNTS = Entity(
    name="accounts",
    family="accounts",
    description="Wholesale accounts with their buyers and addresses; read whole, for they are few.",
    package=__name__,
    document="accounts",
    operations=("AccountConnection", "Accounts"),
    axis=Axis.NONE,
    tables=(Accounts, Buyers, AccountAddresses, AccountAttributes),
    transform=transform,
    updated_at="updatedAt",
    attributes_of=("Account",),
    attribute_paths=("attributes",),
)
