"""Addresses as orders, customers and accounts hold them: the selection, the columns, the reading. No table."""

import polars as pl

from centra_assets.entities.contract import Contract, text
from centra_assets.entities.frames import field

# A document that asks for an address contains this fragment word for word (a test compares them). It costs two points
# besides the address itself.
ADDRESS_FRAGMENT = """\
fragment AddressWhole on Address {
  firstName
  lastName
  companyName
  attention
  address1
  address2
  zipCode
  city
  stateOrProvince
  phoneNumber
  cellPhoneNumber
  email
  vatNumber
  country {
    code
  }
  state {
    code
  }
}
"""

_FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company_name": "companyName",
    "attention": "attention",
    "address_1": "address1",
    "address_2": "address2",
    "zip_code": "zipCode",
    "city": "city",
    "state_or_province": "stateOrProvince",
    "state_code": "state.code",
    "country_code": "country.code",
    "phone_number": "phoneNumber",
    "cell_phone_number": "cellPhoneNumber",
    "email": "email",
    "vat_number": "vatNumber",
}


class AddressContract(Contract):
    """The columns of an address. Whose it is and of which kind, the table that uses them says before them."""

    first_name = text("Given name.", source="address.firstName", personal_data=True)
    last_name = text("Family name.", source="address.lastName", personal_data=True)
    company_name = text("Company.", source="address.companyName", personal_data=True)
    attention = text("For the attention of.", source="address.attention", personal_data=True)
    address_1 = text("First line.", source="address.address1", personal_data=True)
    address_2 = text("Second line.", source="address.address2", personal_data=True)
    zip_code = text("Postal code.", source="address.zipCode", personal_data=True)
    city = text("City.", source="address.city", personal_data=True)
    state_or_province = text("State or province as typed.", source="address.stateOrProvince", personal_data=True)
    state_code = text("Code of the state, where Centra knows it.", source="address.state.code")
    country_code = text("ISO 3166 code of the country.", source="address.country.code")
    phone_number = text("Telephone.", source="address.phoneNumber", personal_data=True)
    cell_phone_number = text("Mobile telephone.", source="address.cellPhoneNumber", personal_data=True)
    email = text("E-mail address.", source="address.email", personal_data=True)
    vat_number = text("VAT number.", source="address.vatNumber", personal_data=True)


def address_columns(path: str) -> list[pl.Expr]:
    """The columns of AddressContract, from the address at `path`."""
    return [field(f"{path}.{name}").alias(column) for column, name in _FIELDS.items()]
