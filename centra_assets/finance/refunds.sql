-- A return tells of its refund's entry as well: it may be read before the order is, or the order never.
WITH refund AS (
  SELECT p.id, p.business_date, p.order_number, p.store_id, p.entry_type, p.payment_method, p.is_order_cancelled,
         p.currency, p.amount
  FROM core.payments p
  WHERE p.business_date >= %(first)s AND p.business_date < %(following)s AND p.direction = 'out'
    AND p.entry_type <> 'MARKED_AS_UNPAID' AND p.is_internal IS NOT TRUE
  UNION ALL (
    SELECT DISTINCT ON (e.payment_id) e.payment_id, e.business_date, e.order_number, coalesce(o.store_id, r.store_id),
           e.entry_type, NULL, o.status = 'CANCELLED', coalesce(e.currency, o.currency), e.amount
    FROM core.return_refunds e
    LEFT JOIN core.payments p ON p.id = e.payment_id AND p.direction = 'out'
    LEFT JOIN core.returns r ON r.id = e.return_id
    LEFT JOIN core.orders o ON o.number = e.order_number
    WHERE e.business_date >= %(first)s AND e.business_date < %(following)s AND e.direction = 'out'
      AND e.entry_type <> 'MARKED_AS_UNPAID' AND p.id IS NULL AND o.is_internal IS NOT TRUE
    ORDER BY e.payment_id, e.return_id
  )
),
paid_back AS (
  SELECT payment_id, min(return_id) AS return_id FROM core.return_refunds GROUP BY payment_id
)
SELECT f.id AS payment_id, f.business_date AS refund_date, o.business_date AS order_date, f.order_number,
       b.return_id, coalesce(f.store_id, 0) AS store_id, f.entry_type AS type, f.payment_method,
       f.is_order_cancelled AS order_is_cancelled, coalesce(f.currency, 'XXX') AS currency, f.amount
FROM refund f
LEFT JOIN core.orders o ON o.number = f.order_number
LEFT JOIN paid_back b ON b.payment_id = f.id
ORDER BY f.business_date, f.id
