-- The month's orders without internal ones, each with its money as the buyer owes it. Other statements name it
-- finance_order. Reckoned as docs/marts.md says of daily_sales, but per order; the workbook's controls compare the two.
WITH month_order AS (
  SELECT _record_id, number, business_date, currency_base_rate, quantity, line_values, shipping, discounts,
         grand_total, grand_total_net, tax_added,
         coalesce(store_id, 0) AS store_id, coalesce(market_id, 0) AS market_id, coalesce(currency, 'XXX') AS currency,
         coalesce(country_code, 'ZZ') AS country_code,
         status IS NOT DISTINCT FROM 'CANCELLED' AS is_cancelled,
         is_waiting_for_payment IS TRUE AS is_waiting,
         coalesce(grand_total = grand_total_net AND tax_deducted <> 0, false) AS is_exempt
  FROM core.orders
  WHERE business_date >= %(first)s AND business_date < %(following)s AND is_internal IS NOT TRUE
),
line AS (
  SELECT o._record_id, l.quantity, l.line_value_net AS net,
         CASE WHEN o.is_exempt THEN l.line_value_net ELSE l.line_value END AS value,
         l.line_type IS NOT DISTINCT FROM 'gift_certificate' AS is_certificate
  FROM month_order o JOIN core.order_lines l ON l._record_id = o._record_id AND l.counts_in_totals
),
goods AS (
  SELECT _record_id, count(*) AS lines,
         coalesce(sum(quantity) FILTER (WHERE NOT is_certificate), 0)::bigint AS units,
         CASE WHEN count(*) = count(value) THEN sum(value) END AS value,
         CASE WHEN count(*) = count(net) THEN sum(net) END AS net,
         CASE WHEN count(*) = count(value) THEN coalesce(sum(value) FILTER (WHERE is_certificate), 0) END AS sold,
         CASE WHEN count(*) = count(net) THEN coalesce(sum(net) FILTER (WHERE is_certificate), 0) END AS sold_net
  FROM line GROUP BY _record_id
),
certificate AS (
  SELECT o._record_id, CASE WHEN count(*) = count(d.amount) THEN sum(d.amount) END AS amount, true AS is_used
  FROM month_order o JOIN core.order_discounts d USING (_record_id) WHERE d.is_payment_like GROUP BY 1
),
-- What one unit of an amount in the header, which is in the pricelist's tax mode, is to the buyer.
reckoned AS (
  SELECT o.*, coalesce(g.lines, 0) AS lines,
         CASE WHEN g.lines IS NULL THEN o.quantity ELSE g.units END AS units,
         coalesce(g.value = g.net, true) AS goods_without_tax,
         CASE WHEN g.lines IS NULL THEN 0 ELSE g.sold END AS sold,
         CASE WHEN g.lines IS NULL THEN 0 ELSE g.sold_net END AS sold_net,
         CASE WHEN c.is_used THEN c.amount ELSE 0 END AS used,
         CASE WHEN o.line_values = 0 THEN 1 WHEN g.lines IS NULL THEN 0 ELSE g.value / o.line_values END AS with_tax,
         CASE WHEN o.line_values = 0 THEN 1 WHEN g.lines IS NULL THEN 0 ELSE g.net / o.line_values END AS without_tax,
         CASE WHEN o.shipping = 0 THEN 0 ELSE coalesce(t.gross, o.shipping) END AS shipping_owed,
         CASE WHEN o.shipping = 0 THEN 0 ELSE coalesce(t.net, o.shipping) END AS shipping_net
  FROM month_order o
  LEFT JOIN goods g USING (_record_id)
  LEFT JOIN certificate c USING (_record_id)
  LEFT JOIN core.order_taxes t ON t.order_number = o.number AND t.kind = 'shipping' AND t.position = 1
),
owed AS (
  SELECT *,
         CASE WHEN used = 0 THEN 0 ELSE round(used * with_tax, 4) END AS used_with_tax,
         CASE WHEN used = 0 THEN 0 ELSE round(used * without_tax, 4) END AS used_net,
         CASE WHEN discounts = used THEN 0 ELSE round((discounts - used) * with_tax, 4) END AS discount
  FROM reckoned
),
summed AS (
  SELECT *, grand_total - sold + used_with_tax AS gross, grand_total_net - sold_net + used_net AS net FROM owed
)
SELECT _record_id, number, business_date, store_id, market_id, country_code, currency, currency_base_rate,
       is_cancelled, is_waiting, is_exempt, NOT is_cancelled AND NOT is_waiting AS counts, lines, units,
       CASE WHEN is_exempt THEN 'exempt' WHEN tax_added <> 0 THEN 'added'
            WHEN goods_without_tax AND gross = net THEN 'none' ELSE 'included' END AS tax_treatment,
       gross, net, discount, shipping_owed, shipping_net, sold, used, used_with_tax
FROM summed
