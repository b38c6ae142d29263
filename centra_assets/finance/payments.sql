-- As refunds.sql, with what came in and what was marked by hand.
WITH entry AS (
  SELECT store_id, payment_method, entry_type, currency, direction, amount
  FROM core.payments
  WHERE business_date >= %(first)s AND business_date < %(following)s AND direction <> 'none'
    AND is_internal IS NOT TRUE
  UNION ALL (
    SELECT store_id, payment_method, entry_type, currency, direction, amount FROM (
      SELECT DISTINCT ON (e.payment_id) coalesce(o.store_id, r.store_id) AS store_id, NULL AS payment_method,
             e.entry_type, coalesce(e.currency, o.currency) AS currency, e.direction, e.amount
      FROM core.return_refunds e
      LEFT JOIN core.payments p ON p.id = e.payment_id AND p.direction = 'out'
      LEFT JOIN core.returns r ON r.id = e.return_id
      LEFT JOIN core.orders o ON o.number = e.order_number
      WHERE e.business_date >= %(first)s AND e.business_date < %(following)s AND e.direction = 'out'
        AND p.id IS NULL AND o.is_internal IS NOT TRUE
      ORDER BY e.payment_id, e.return_id
    ) known_from_returns_only
  )
),
named AS (
  SELECT coalesce(store_id, 0) AS store_id, coalesce(payment_method, '') AS payment_method,
         CASE WHEN entry_type LIKE 'MARKED%%' THEN 'by_hand' WHEN entry_type LIKE '%%GIFT_CARD' THEN 'gift_card'
              ELSE 'provider' END AS means,
         coalesce(currency, 'XXX') AS currency, direction,
         CASE WHEN direction = 'in' THEN amount ELSE 0 END AS captured,
         CASE WHEN direction = 'out' THEN amount ELSE 0 END AS refunded
  FROM entry
)
SELECT n.store_id, s.name AS store_name, n.payment_method, n.means, n.currency,
       count(*) FILTER (WHERE n.direction = 'in') AS captures,
       CASE WHEN count(*) = count(n.captured) THEN sum(n.captured) END AS captured,
       count(*) FILTER (WHERE n.direction = 'out') AS refunds,
       CASE WHEN count(*) = count(n.refunded) THEN sum(n.refunded) END AS refunded,
       CASE WHEN count(*) = count(n.captured - n.refunded) THEN sum(n.captured - n.refunded) END AS net
FROM named n LEFT JOIN core.stores s ON s.id = n.store_id
GROUP BY n.store_id, s.name, n.payment_method, n.means, n.currency
ORDER BY n.store_id, n.payment_method COLLATE "C", n.means COLLATE "C", n.currency COLLATE "C"
