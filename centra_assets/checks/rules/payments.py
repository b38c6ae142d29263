"""Rules of money that moved: authorised, captured, refunded, which way and at which rate. No amounts of documents."""

from centra_assets.checks.rules.rule import MINOR_UNIT, Rule

_OF_CURRENCY = "left join core.currencies y on y.code = p.currency"


def _sum_of(entry_type: str) -> str:
    return f"coalesce(sum(amount) filter (where status = 'SUCCESS' and entry_type = '{entry_type}'), 0)"


PAYMENT_RULES: tuple[Rule, ...] = (
    Rule(
        table="payments",
        name="sign_follows_the_direction",
        failures="select id::text as key from core.payments where amount < 0 or signed_amount <> "
        "case direction when 'in' then amount when 'out' then -amount else 0 end",
        meaning="An amount has a sign of its own, or the signed amount is not what its direction says.",
        remedy="Materialize core/payments again from raw; the sign is derived in one place, entities/sales.py.",
    ),
    Rule(
        table="payments",
        name="no_more_refunded_than_captured",
        failures="select p.order_number::text as key from (select order_number, currency,"
        " coalesce(sum(amount) filter (where direction = 'out'), 0) as refunded,"
        " coalesce(sum(amount) filter (where direction = 'in'), 0) as taken"
        f" from core.payments group by 1, 2) p {_OF_CURRENCY} where p.refunded > p.taken + {MINOR_UNIT}",
        meaning="More went back on an order than ever came in, in the order's currency. The key is the order's number.",
        remedy="Look for a refund that was made twice, and compare with the payment provider.",
        tables=("currencies",),
    ),
    Rule(
        table="payments",
        name="no_more_captured_than_authorised",
        # Some providers capture without an authorisation: nothing is known of their limit.
        failures="select p.order_number::text as key from (select order_number, currency,"
        f" {_sum_of('AUTH')} as granted, {_sum_of('CAPTURE')} as used,"
        f" {_sum_of('AUTH_GIFT_CARD')} as card_granted, {_sum_of('CAPTURE_GIFT_CARD')} as card_used"
        f" from core.payments group by 1, 2) p {_OF_CURRENCY} "
        f"where (p.granted > 0 and p.used > p.granted + {MINOR_UNIT})"
        f" or (p.card_granted > 0 and p.card_used > p.card_granted + {MINOR_UNIT})",
        meaning="More was captured on an order than was authorised, in the order's currency. The key is the order's "
        "number. Orders without an authorisation are not judged: some providers capture at once.",
        remedy="Compare with the payment provider; the excess may bounce.",
        tables=("currencies",),
        severe=False,
    ),
    Rule(
        table="payments",
        name="refunds_use_the_orders_rate",
        failures="select p.id::text as key from core.payments p "
        "join core.orders o on o.number = p.order_number "
        "where p.entry_type like 'REFUND%' and p.currency_base_rate <> o.currency_base_rate",
        meaning="A refund is in the base currency by another rate than its order, which shows a gain or a loss that "
        "nobody made.",
        remedy="Use the order's rate for refunds in the base currency, and tell Centra's support.",
        tables=("orders",),
        severe=False,
    ),
    Rule(
        table="return_refunds",
        name="refunds_give_money_back",
        failures="select return_id || '/' || payment_id as key from core.return_refunds where direction = 'in'",
        meaning="A payment entry that refunds a return took money instead: its kind has the wrong sign.",
        remedy="Look at the return's payments in Centra; figures count the entry as income until it is mended.",
    ),
    Rule(
        table="returns",
        name="no_more_refunded_than_returned",
        failures="select r.id::text as key from core.returns r join "
        "(select return_id, sum(amount) as refunded from core.return_refunds where direction = 'out' group by 1) f"
        " on f.return_id = r.id left join core.currencies y on y.code = r.currency "
        f"where f.refunded > r.grand_total + {MINOR_UNIT}",
        meaning="More money went back for a return than the return is worth.",
        remedy="Look for a refund that was made twice, or for goodwill that was booked as a refund.",
        tables=("return_refunds", "currencies"),
        severe=False,
    ),
)
