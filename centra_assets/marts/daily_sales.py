"""The mart `daily_sales`: sales and refunds by business day, store, market, currency. The SQL stands beside it."""

from centra_assets.entities.contract import Contract, day, money, text, whole
from centra_assets.marts.model import Mart, MartRule, Reads


class DailySales(Contract):
    """One row is what one store sold in one market and currency on one business day, and what it paid back that day.

    Sales are on the day of the order, refunds on their own. Amounts are in `currency` and positive. Null is what the
    token may not know of any of the orders.
    """

    table = "daily_sales"

    business_date = day("Calendar day in the merchant's time zone.", key=True)
    store_id = whole("Store; 0 where Centra does not say.", key=True)
    market_id = whole("Market; 0 where Centra does not say.", key=True)
    currency = text("ISO 4217 code of every amount; XXX where Centra does not say.", key=True)
    orders = whole("Orders that count: not cancelled, not internal, not waiting for payment. Held ones count.")
    cancelled_orders = whole("Orders of the day that are cancelled as a whole; in no other figure of the day's sales.")
    waiting_orders = whole("Orders whose payment provider has not answered yet; in no other figure of the day's sales.")
    units = whole("Units of the orders without cancelled ones and gift certificates; of a bundle, its parts.")
    gross = money(
        "What was sold, with tax, shipping and handling, after discounts: the orders' grand totals without the gift "
        "certificates in them and before those that paid for a part."
    )
    discount = money(
        "What discounts on whole orders took off, with the tax they saved. Sale prices are not in it, nor gift "
        "certificates. Already taken off gross."
    )
    shipping = money("Shipping with tax, before vouchers that paid for it; a part of gross before its discounts.")
    tax = money("Tax in gross.")
    net = money("gross without tax.")
    gift_certificates_sold = money("Gift certificates sold: a liability, not in gross.")
    gift_certificates_used = money("What gift certificates paid, with tax: in gross, although grand totals lack it.")
    refunds = money("Money paid back on this day, whenever the order was; with tax.")
    refunds_of_cancelled_orders = money("The part of refunds whose orders are cancelled, and so in no day's gross.")


# A day whose notes are open is about to be computed again.
_UP_TO_DATE = (
    "not exists (select from ops.stale_partition n where n.asset = 'marts/daily_sales' "
    "and n.partition = to_char(business_date, 'YYYY-MM-DD'))"
)

_TOTALS_MATCH = f"""
with orders as (
  select business_date, coalesce(currency, 'XXX') as currency, count(*) as orders,
         case when count(*) = count(grand_total) then sum(grand_total) end as owed
  from core.orders
  where status is distinct from 'CANCELLED' and is_internal is not true and is_waiting_for_payment is not true
  group by 1, 2
), mart as (
  select business_date, currency, sum(orders) as orders,
         case when count(*) = count(gross)
           then sum(gross + gift_certificates_sold - gift_certificates_used) end as owed
  from marts.daily_sales group by 1, 2
)
select business_date || ' ' || currency as key from orders full join mart using (business_date, currency)
where (coalesce(orders.orders, 0), coalesce(orders.owed, 0))
  is distinct from (coalesce(mart.orders, 0), coalesce(mart.owed, 0)) and {_UP_TO_DATE}
  -- Of an order paid with a certificate of unknown worth the gross is not known, though its grand total is.
  and not (orders.orders is not distinct from mart.orders and mart.owed is null and exists (
    select from core.orders o join core.order_discounts d using (_record_id)
    where o.business_date = mart.business_date and coalesce(o.currency, 'XXX') = mart.currency
      and d.is_payment_like and d.amount is null
  ))
"""  # noqa: S608 - text from this file only

_REFUNDS_MATCH = f"""
with payments as (
  select business_date, coalesce(currency, 'XXX') as currency, sum(amount) as refunds from core.payments
  where direction = 'out' and entry_type <> 'MARKED_AS_UNPAID' and is_internal is not true group by 1, 2
), mart as (
  select business_date, currency, sum(refunds) as refunds from marts.daily_sales group by 1, 2
)
select business_date || ' ' || currency as key from payments left join mart using (business_date, currency)
where coalesce(mart.refunds, 0) < payments.refunds and {_UP_TO_DATE}
"""  # noqa: S608 - text from this file only

DAILY_SALES = Mart(
    contract=DailySales,
    description="Orders, units, money and refunds by business day, store, market and currency.",
    package=__package__ or "centra_assets.marts",
    reads=(
        Reads("orders", "business_date"),
        # Their day is the order's, and they can change without its row: see docs/marts.md.
        Reads("order_lines", "_partition"),
        Reads("order_discounts", "_partition"),
        Reads("order_taxes", "_partition"),
        Reads("payments", "business_date", crosses_days=True),
        # Only for the store of a refund whose order we do not have; a return never changes its store.
        Reads("returns", None),
        Reads("return_refunds", "business_date", crosses_days=True),
    ),
    rules=(
        MartRule(
            name="net_and_tax_are_gross",
            failures="select concat_ws('/', business_date, store_id, market_id, currency) as key "
            "from marts.daily_sales where net + tax <> gross",
            meaning="Rows whose net and tax do not add up to gross.",
            remedy="Report it: no data of Centra's can make this happen.",
        ),
        MartRule(
            name="gross_is_what_the_orders_say",
            failures=_TOTALS_MATCH,
            meaning="Days on which number or grand totals of the orders that count differ from the mart's, gift "
            "certificates considered. Days that wait to be computed again are not judged.",
            remedy="Materialize marts/daily_sales for these days.",
        ),
        MartRule(
            name="no_refund_is_missing",
            failures=_REFUNDS_MATCH,
            meaning="Days on which core.payments knows of more money paid back than the mart. Days that wait to be "
            "computed again are not judged.",
            remedy="Materialize marts/daily_sales for these days.",
        ),
    ),
)
