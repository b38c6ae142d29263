-- Days of marts.daily_sales. What each figure means, and why, is in docs/marts.md.
-- Parts of an order share its _record_id, which is indexed everywhere.
WITH day_orders AS (
  SELECT _record_id, number, business_date, quantity, line_values, shipping, discounts, grand_total, grand_total_net,
         coalesce(store_id, 0) AS store_id, coalesce(market_id, 0) AS market_id, coalesce(currency, 'XXX') AS currency,
         status IS NOT DISTINCT FROM 'CANCELLED' AS is_cancelled,
         is_waiting_for_payment IS TRUE AS is_waiting,
         -- Its prices hold a tax that the buyer does not owe.
         coalesce(grand_total = grand_total_net AND tax_deducted <> 0, false) AS is_exempt
  FROM core.orders
  WHERE business_date = ANY(%(days)s::date[]) AND is_internal IS NOT TRUE
),
counted AS (
  SELECT * FROM day_orders WHERE NOT is_cancelled AND NOT is_waiting
),
line AS (
  SELECT o._record_id, l.id, l.quantity, l.line_value_net AS net,
         CASE WHEN o.is_exempt THEN l.line_value_net ELSE l.line_value END AS value,
         l.line_type IS NOT DISTINCT FROM 'gift_certificate' AS is_certificate
  FROM counted o LEFT JOIN core.order_lines l ON l._record_id = o._record_id AND l.counts_in_totals
),
-- Per order: the goods as the buyer owes them. Unknown where a line's value is.
goods AS (
  SELECT _record_id, count(id) AS lines,
         coalesce(sum(quantity) FILTER (WHERE NOT is_certificate), 0)::bigint AS units,
         CASE WHEN count(id) = count(value) THEN coalesce(sum(value), 0) END AS value,
         CASE WHEN count(id) = count(net) THEN coalesce(sum(net), 0) END AS net,
         CASE WHEN count(id) = count(value) THEN coalesce(sum(value) FILTER (WHERE is_certificate), 0) END AS sold,
         CASE WHEN count(id) = count(net) THEN coalesce(sum(net) FILTER (WHERE is_certificate), 0) END AS sold_net
  FROM line GROUP BY _record_id
),
certificate AS (
  SELECT o._record_id, CASE WHEN count(*) = count(d.amount) THEN sum(d.amount) END AS amount, true AS is_used
  FROM counted o JOIN core.order_discounts d USING (_record_id) WHERE d.is_payment_like GROUP BY 1
),
certified AS (
  SELECT o.*, CASE WHEN c.is_used THEN c.amount ELSE 0 END AS certified
  FROM counted o LEFT JOIN certificate c USING (_record_id)
),
-- Amounts of the header are in the pricelist's tax mode; the goods tell what one unit of that is to the buyer.
reckoned AS (
  SELECT o.*, g.sold, g.sold_net,
         CASE WHEN g.lines = 0 THEN o.quantity ELSE g.units END AS units,
         CASE WHEN o.certified = 0 THEN 0
              WHEN o.line_values = 0 THEN o.certified
              ELSE round(o.certified * g.value / o.line_values, 4) END AS used,
         CASE WHEN o.certified = 0 THEN 0
              WHEN o.line_values = 0 THEN o.certified
              ELSE round(o.certified * g.net / o.line_values, 4) END AS used_net,
         CASE WHEN o.discounts = o.certified THEN 0
              WHEN o.line_values = 0 THEN o.discounts - o.certified
              ELSE round((o.discounts - o.certified) * g.value / o.line_values, 4) END AS discount,
         CASE WHEN o.shipping = 0 THEN 0 ELSE coalesce(t.gross, o.shipping) END AS shipping_owed
  FROM certified o
  JOIN goods g USING (_record_id)
  LEFT JOIN core.order_taxes t ON t.order_number = o.number AND t.kind = 'shipping' AND t.position = 1
),
-- A return tells of its refund's entry as well: it may be read before the order is, or the order never.
refund AS (
  SELECT id, business_date, store_id, market_id, currency, is_order_cancelled, amount
  FROM core.payments
  WHERE business_date = ANY(%(days)s::date[]) AND direction = 'out' AND entry_type <> 'MARKED_AS_UNPAID'
    AND is_internal IS NOT TRUE
  UNION ALL (
    SELECT DISTINCT ON (e.payment_id) e.payment_id, e.business_date, coalesce(o.store_id, r.store_id), o.market_id,
           coalesce(e.currency, o.currency), o.status = 'CANCELLED', e.amount
    FROM core.return_refunds e
    LEFT JOIN core.payments p ON p.id = e.payment_id AND p.direction = 'out'
    LEFT JOIN core.returns r ON r.id = e.return_id
    LEFT JOIN core.orders o ON o.number = e.order_number
    WHERE e.business_date = ANY(%(days)s::date[]) AND e.direction = 'out' AND e.entry_type <> 'MARKED_AS_UNPAID'
      AND p.id IS NULL AND o.is_internal IS NOT TRUE
    ORDER BY e.payment_id, e.return_id
  )
),
entry AS (
  SELECT business_date, store_id, market_id, currency,
         1 AS orders, 0 AS cancelled, 0 AS waiting, units,
         grand_total - sold + used AS gross,
         discount,
         shipping_owed AS shipping,
         (grand_total - grand_total_net) - (sold - sold_net) + (used - used_net) AS tax,
         grand_total_net - sold_net + used_net AS net,
         sold, used, 0 AS refunds, 0 AS refunds_of_cancelled
  FROM reckoned
  UNION ALL
  SELECT business_date, store_id, market_id, currency,
         0, is_cancelled::int, (is_waiting AND NOT is_cancelled)::int, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  FROM day_orders WHERE is_cancelled OR is_waiting
  UNION ALL
  SELECT business_date, coalesce(store_id, 0), coalesce(market_id, 0), coalesce(currency, 'XXX'),
         0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
         amount, CASE WHEN is_order_cancelled THEN amount ELSE 0 END
  FROM refund
)
-- A sum of which a part is unknown is unknown.
SELECT business_date, store_id, market_id, currency,
       sum(orders) AS orders,
       sum(cancelled) AS cancelled_orders,
       sum(waiting) AS waiting_orders,
       CASE WHEN count(*) = count(units) THEN sum(units)::bigint END AS units,
       CASE WHEN count(*) = count(gross) THEN sum(gross) END AS gross,
       CASE WHEN count(*) = count(discount) THEN sum(discount) END AS discount,
       CASE WHEN count(*) = count(shipping) THEN sum(shipping) END AS shipping,
       CASE WHEN count(*) = count(tax) THEN sum(tax) END AS tax,
       CASE WHEN count(*) = count(net) THEN sum(net) END AS net,
       CASE WHEN count(*) = count(sold) THEN sum(sold) END AS gift_certificates_sold,
       CASE WHEN count(*) = count(used) THEN sum(used) END AS gift_certificates_used,
       CASE WHEN count(*) = count(refunds) THEN sum(refunds) END AS refunds,
       CASE WHEN count(*) = count(refunds_of_cancelled) THEN sum(refunds_of_cancelled) END
         AS refunds_of_cancelled_orders
FROM entry GROUP BY business_date, store_id, market_id, currency
