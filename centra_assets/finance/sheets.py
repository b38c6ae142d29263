"""What each sheet of the workbook promises: columns, rules, what is summed. The SQL stands in files beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import MONEY_SCALE, Contract, day, flag, money, text, whole
from centra_assets.entities.contract import rate as percent

_CURRENCY = "ISO 4217 code of every amount of the row; XXX where Centra does not say."
_TREATMENT = (
    "included: the prices hold tax; added: tax comes on top of the prices; exempt: the prices held a tax that the "
    "buyer does not owe; none: no tax at all."
)
_TREATMENTS = ("included", "added", "exempt", "none")


class Sales(Contract):
    """One row is what one store sold in one market and currency. Orders count as in daily_sales: not cancelled, not
    internal, not waiting for payment."""

    table = "sales"

    store_id = whole("Store; 0 where Centra does not say.", key=True)
    store_name = text("Its name.")
    market_id = whole("Market; 0 where Centra does not say.", key=True)
    market_name = text("Its name.")
    currency = text(_CURRENCY, key=True)
    orders = whole("Orders that count.", nullable=False)
    units = whole("Units without cancelled ones and gift certificates.")
    gross = money("What was sold, with tax, shipping and handling, after discounts.")
    discount = money("What discounts on whole orders took off, with tax; already taken off gross.")
    shipping = money("Shipping with tax, before vouchers that paid for it; a part of gross before its discounts.")
    tax = money("Tax in gross.")
    net = money("gross without tax.")
    gross_base = money("gross in the base currency, each order by its own rate.")
    tax_base = money("tax in the base currency: gross_base - net_base.")
    net_base = money("net in the base currency, each order by its own rate.")

    @dy.rule()
    def net_and_tax_are_gross(cls) -> pl.Expr:
        return pl.col("net") + pl.col("tax") == pl.col("gross")

    @dy.rule()
    def somebody_bought(cls) -> pl.Expr:
        return pl.col("orders") > 0


class Vat(Contract):
    """One row is the tax of one country at one rate. Gift certificates sold are in no row, used ones lower none."""

    table = "vat"

    country_code = text("Country that the orders go to, ISO 3166; ZZ where Centra does not say.", key=True)
    currency = text(_CURRENCY, key=True)
    tax_treatment = text(_TREATMENT, key=True)
    rate = text("The rate as text, or 'not known' where several meet and Centra does not split them.", key=True)
    tax_percent = percent("Rate in percent of net; empty where it is not known, never guessed.")
    goods_net = money("Lines of orders at this rate, without tax.")
    shipping_net = money("Shipping at this rate, without tax.")
    reductions_net = money("Discounts on whole orders (below zero) and handling at this rate, without tax.")
    net = money("goods_net + shipping_net + reductions_net.")
    tax = money("Tax in gross, shipping's included.")
    gross = money("net with tax.")

    @dy.rule()
    def net_and_tax_are_gross(cls) -> pl.Expr:
        return pl.col("net") + pl.col("tax") == pl.col("gross")

    @dy.rule()
    def the_parts_are_the_whole(cls) -> pl.Expr:
        return pl.col("goods_net") + pl.col("shipping_net") + pl.col("reductions_net") == pl.col("net")

    @dy.rule()
    def exempt_buyers_pay_no_tax(cls) -> pl.Expr:
        return (pl.col("tax_treatment") != "exempt") | (pl.col("tax") == 0)

    @dy.rule()
    def the_treatment_is_known(cls) -> pl.Expr:
        return pl.col("tax_treatment").is_in(list(_TREATMENTS))

    @dy.rule()
    def a_rate_is_shown_where_it_is_known(cls) -> pl.Expr:
        return (pl.col("rate") == "not known") == pl.col("tax_percent").is_null()


class Discounts(Contract):
    """One row is what one voucher, or one kind of discount, took off whole orders. Sale prices are not in it: they are
    inside the lines' values. Gift certificates that paid are on their own sheet."""

    table = "discounts"

    kind = text("voucher, free_shipping, free_product, manual, or discount (older orders).", key=True)
    voucher_name = text("The voucher's name; empty for discounts without one.", key=True)
    currency = text(_CURRENCY, key=True)
    tax_treatment = text(f"Of the orders. {_TREATMENT} The amount is as the prices are.", key=True)
    orders = whole("Orders that had it.", nullable=False)
    amount = money("What it took off, positive, as the pricelist's prices are: with tax unless that is added.")

    @dy.rule()
    def gift_certificates_are_no_discounts(cls) -> pl.Expr:
        return pl.col("kind") != "credit"


class GiftCertificates(Contract):
    """One row is a currency's gift certificates: a liability when sold, a payment when used. What was sold or used
    before the first day of the data is not known, so the balance is what happened since."""

    table = "gift_certificates"

    currency = text(_CURRENCY, key=True)
    balance_before = money("Sold less used, from the first day of the data to the month's beginning.")
    sold = money("Sold in the month: a liability, in no figure of sales.")
    used = money("Used in the month on orders that count: what left the certificates.")
    balance_after = money("balance_before + sold - used.")
    paid_with_tax = money("What the used ones paid, with tax: in gross of sales although grand totals lack it.")
    external_cards_captured = money("Taken from gift cards of another system; their balance is known there.")
    external_cards_refunded = money("Given back onto such cards.")

    @dy.rule()
    def the_balance_follows_from_sold_and_used(cls) -> pl.Expr:
        return pl.col("balance_before") + pl.col("sold") - pl.col("used") == pl.col("balance_after")

    @dy.rule()
    def amounts_are_positive(cls) -> pl.Expr:
        return pl.all_horizontal(
            pl.col("sold", "used", "paid_with_tax", "external_cards_captured", "external_cards_refunded") >= 0
        )


class Payments(Contract):
    """One row is the money of one store, method and currency that came in or went out in the month, whenever the order
    was. What the providers keep as their fee is not known to Centra."""

    table = "payments"

    store_id = whole("Store; 0 where Centra does not say.", key=True)
    store_name = text("Its name.")
    payment_method = text("Method as the provider names it; empty where Centra does not say.", key=True)
    means = text("provider, gift_card (of another system), or by_hand: marked as paid, or as unpaid again.", key=True)
    currency = text(_CURRENCY, key=True)
    captures = whole("Entries that brought money.", nullable=False)
    captured = money("What they brought.")
    refunds = whole("Entries that gave money back.", nullable=False)
    refunded = money("What they gave back, positive.")
    net = money("captured - refunded.")

    @dy.rule()
    def net_is_captured_less_refunded(cls) -> pl.Expr:
        return pl.col("captured") - pl.col("refunded") == pl.col("net")

    @dy.rule()
    def amounts_are_positive(cls) -> pl.Expr:
        return pl.all_horizontal(pl.col("captured", "refunded") >= 0)


class Refunds(Contract):
    """One row is one refund, on the day the money went back. Amounts are positive; the type says what it is."""

    table = "refunds"

    payment_id = whole("The payment entry.", key=True)
    refund_date = day("Day the money went back.", nullable=False)
    order_date = day("Day of the order; empty where the order is older than the data.")
    order_number = whole("The order.")
    return_id = whole("The return that it pays back; empty where there is none.")
    store_id = whole("Store; 0 where Centra does not say.", nullable=False)
    type = text("REFUND, or REFUND_GIFT_CARD: onto a card of another system.", nullable=False)
    payment_method = text("Method as the provider names it.")
    order_is_cancelled = flag("The order is cancelled as a whole, and so in no month's sales.")
    currency = text(_CURRENCY, nullable=False)
    amount = money("What went back, with tax; positive.")

    @dy.rule()
    def amounts_are_positive(cls) -> pl.Expr:
        return pl.col("amount") >= 0

    @dy.rule()
    def no_refund_is_before_its_order(cls) -> pl.Expr:
        return pl.col("refund_date") >= pl.col("order_date")


# What a row of the open differences can be, and what it means to who books.
DIFFERENCES = {
    "totals_do_not_add_up": "Lines, shipping, handling, discounts and tax are not the order's grand total, by amount.",
    "amount_unknown": "The token may not read an amount of the order or of a discount on it: its sums are empty.",
    "currency_unknown": "The order names no currency that the instance knows.",
    "waiting_for_payment": "The provider has not answered: the order is in no figure yet. Amount is its grand total.",
    "discounts_not_itemised": "The order's discounts are not the sum of those listed on it; amount is the difference.",
    "cancelled_but_money_kept": "The order is cancelled and more was captured than refunded, by amount.",
    "refund_without_return": "Money went back without a return, for an order that stands. Amount is the refund.",
    "return_without_refund": "A completed return of the month that no money went back for. Amount is what is owed.",
    "refund_differs_from_return": "A return's refunds are not what the return is worth; amount is refunds less worth.",
    "quarantined_record": "A record broke its contract and is not in core, or an older version of it is.",
}


class OpenDifferences(Contract):
    """One row is something that does not add up and that somebody must look at before the month is closed. Keys and
    amounts only; the sheet 'How to read' says what each kind means."""

    table = "open_differences"

    kind = text("What is wrong.", key=True)
    subject = text("What the key is of: order, payment, return, or the entity of a quarantined record.", key=True)
    key = text("The order's number, or the id.", key=True)
    business_date = day("Its day.")
    currency = text(_CURRENCY, nullable=False)
    amount = money("The difference, or the amount in question; empty where it is not known.")

    @dy.rule()
    def the_kind_is_described(cls) -> pl.Expr:
        return pl.col("kind").is_in(list(DIFFERENCES))


class Controls(Contract):
    """One row is a sum of the sheets and the same sum taken from core in another way. They must be equal: a workbook
    of which one is not is never handed over."""

    table = "controls"

    control = text("Which sum.", key=True)
    currency = text(_CURRENCY, key=True)
    in_workbook = money("Summed from the sheets.")
    in_core = money("Summed from core, by another way.")
    difference = money("in_workbook - in_core.")

    @dy.rule()
    def the_sums_are_equal(cls) -> pl.Expr:
        return pl.col("in_workbook").eq_missing(pl.col("in_core"))


@dataclass(frozen=True)
class Sheet:
    """A table of the workbook: `title` is its tab, `sums` the columns that are summed per currency below it."""

    contract: type[Contract]
    title: str
    sums: Sequence[str]

    @property
    def name(self) -> str:
        """The contract's table name."""
        return self.contract.table

    @property
    def columns(self) -> list[str]:
        """Column names in order."""
        return list(self.contract.column_names())

    @cached_property
    def statement(self) -> str:
        """The SQL, as it stands beside this module."""
        return (files(__package__ or "") / f"{self.name}.sql").read_text(encoding="utf-8")

    def money_columns(self) -> list[str]:
        """The columns that are amounts in the row's currency or in the base currency."""
        found = self.contract.columns().items()
        return [name for name, column in found if isinstance(column, dy.Decimal) and column.scale == MONEY_SCALE]


_MONEY = ("gross", "discount", "shipping", "tax", "net")
SALES = Sheet(Sales, "Sales", ("orders", "units", *_MONEY, "gross_base", "tax_base", "net_base"))
VAT = Sheet(Vat, "VAT", ("goods_net", "shipping_net", "reductions_net", "net", "tax", "gross"))
DISCOUNTS = Sheet(Discounts, "Discounts", ("amount",))
GIFT_CERTIFICATES = Sheet(GiftCertificates, "Gift certificates", ())
PAYMENTS = Sheet(Payments, "Payments", ("captures", "captured", "refunds", "refunded", "net"))
REFUNDS = Sheet(Refunds, "Refunds", ("amount",))
OPEN_DIFFERENCES = Sheet(OpenDifferences, "Open differences", ())
CONTROLS = Sheet(Controls, "Summary", ())

# The sheets that a statement fills, in the workbook's order.
SHEETS: Sequence[Sheet] = (SALES, VAT, DISCOUNTS, GIFT_CERTIFICATES, PAYMENTS, REFUNDS, OPEN_DIFFERENCES)
