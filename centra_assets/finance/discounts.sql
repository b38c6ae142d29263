WITH {finance_order},
grouped AS (
  SELECT coalesce(d.kind, 'discount') AS kind, coalesce(d.voucher_name, '') AS voucher_name, o.currency,
         o.tax_treatment, count(DISTINCT o.number) AS orders,
         CASE WHEN count(*) = count(d.amount) THEN sum(d.amount) END AS amount
  FROM finance_order o JOIN core.order_discounts d USING (_record_id)
  WHERE o.counts AND d.is_payment_like IS NOT TRUE
  GROUP BY 1, 2, 3, 4
)
SELECT kind, voucher_name, currency, tax_treatment, orders, amount FROM grouped
ORDER BY kind COLLATE "C", voucher_name COLLATE "C", currency COLLATE "C", tax_treatment COLLATE "C"
