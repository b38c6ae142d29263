-- What each kind means is in DIFFERENCES of sheets.py. Keys and amounts only.
WITH month_order AS (
  SELECT o.*, coalesce(c.decimal_digits, 2) AS digits,
         o.line_values + o.shipping + o.handling - o.discounts + o.tax_added - o.tax_deducted - o.grand_total AS off_by
  FROM core.orders o LEFT JOIN core.currencies c ON c.code = o.currency
  WHERE o.business_date >= %(first)s AND o.business_date < %(following)s AND o.is_internal IS NOT TRUE
),
standing AS (SELECT * FROM month_order WHERE status IS DISTINCT FROM 'CANCELLED'),
lines AS (
  SELECT l._record_id, count(*) AS lines FROM standing o JOIN core.order_lines l USING (_record_id) GROUP BY 1
),
itemised AS (
  SELECT d._record_id, sum(d.amount) AS amount, count(*) > count(d.amount) AS has_unknown
  FROM standing o JOIN core.order_discounts d USING (_record_id) GROUP BY 1
),
money_of_cancelled AS (
  SELECT o.number, o.business_date, o.currency, sum(p.signed_amount) AS held
  FROM month_order o JOIN core.payments p ON p.order_number = o.number
  WHERE o.status = 'CANCELLED' GROUP BY 1, 2, 3 HAVING sum(p.signed_amount) > 0
),
month_return AS (
  SELECT r.* FROM core.returns r LEFT JOIN core.orders o ON o.number = r.order_number
  WHERE r.business_date >= %(first)s AND r.business_date < %(following)s AND r.return_status = 'COMPLETED'
    AND o.is_internal IS NOT TRUE
),
difference AS (
  SELECT 'totals_do_not_add_up' AS kind, 'order' AS subject, o.number::text AS key, o.business_date, o.currency,
         o.off_by AS amount
  FROM standing o LEFT JOIN lines l USING (_record_id)
  WHERE abs(o.off_by) > power(10::numeric, -o.digits) * greatest(1, l.lines)
  UNION ALL
  SELECT 'amount_unknown', 'order', o.number::text, o.business_date, o.currency, o.grand_total
  FROM standing o LEFT JOIN itemised i USING (_record_id)
  WHERE o.off_by IS NULL OR o.grand_total_net IS NULL OR i.has_unknown
  UNION ALL
  SELECT 'currency_unknown', 'order', o.number::text, o.business_date, o.currency, o.grand_total
  FROM standing o WHERE NOT EXISTS (SELECT FROM core.currencies c WHERE c.code = o.currency)
  UNION ALL
  SELECT 'waiting_for_payment', 'order', o.number::text, o.business_date, o.currency, o.grand_total
  FROM standing o WHERE o.is_waiting_for_payment
  UNION ALL
  SELECT 'discounts_not_itemised', 'order', o.number::text, o.business_date, o.currency,
         o.discounts - coalesce(i.amount, 0)
  FROM standing o LEFT JOIN itemised i USING (_record_id)
  WHERE o.discounts <> coalesce(i.amount, 0) AND i.has_unknown IS NOT TRUE
  UNION ALL
  SELECT 'cancelled_but_money_kept', 'order', number::text, business_date, currency, held FROM money_of_cancelled
  UNION ALL
  SELECT 'refund_without_return', 'payment', p.id::text, p.business_date, p.currency, p.amount
  FROM core.payments p
  WHERE p.business_date >= %(first)s AND p.business_date < %(following)s AND p.direction = 'out'
    AND p.entry_type <> 'MARKED_AS_UNPAID' AND p.is_internal IS NOT TRUE AND p.is_order_cancelled IS NOT TRUE
    AND NOT EXISTS (SELECT FROM core.return_refunds e WHERE e.payment_id = p.id)
  UNION ALL
  SELECT 'return_without_refund', 'return', id::text, business_date, currency, grand_total
  FROM month_return WHERE refunded_amount = 0 AND grand_total > 0
  UNION ALL
  SELECT 'refund_differs_from_return', 'return', id::text, business_date, currency, refunded_amount - grand_total
  FROM month_return WHERE refunded_amount <> 0 AND refunded_amount <> grand_total
  UNION ALL
  SELECT 'quarantined_record', q.entity, q.record_id, q.partition::date, NULL, NULL
  FROM ops.quarantine q
  WHERE q.entity IN ('orders', 'returns') AND q.partition >= %(first)s::date::text
    AND q.partition < %(following)s::date::text
)
SELECT kind, subject, key, business_date, coalesce(currency, 'XXX') AS currency, amount
FROM difference ORDER BY kind COLLATE "C", subject COLLATE "C", business_date, length(key), key COLLATE "C"
