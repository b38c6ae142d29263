-- The sums that the sheets must have, taken from core without finance_order. The mart is the statement of daily_sales
-- over the month's days.
WITH mart AS ({mart}),
by_mart AS (
  SELECT currency, count(*) AS rows, sum(orders) AS orders,
         CASE WHEN count(*) = count(units) THEN sum(units) END AS units,
         CASE WHEN count(*) = count(gross) THEN sum(gross) END AS gross,
         CASE WHEN count(*) = count(net) THEN sum(net) END AS net,
         CASE WHEN count(*) = count(tax) THEN sum(tax) END AS tax,
         CASE WHEN count(*) = count(discount) THEN sum(discount) END AS discount,
         CASE WHEN count(*) = count(shipping) THEN sum(shipping) END AS shipping,
         CASE WHEN count(*) = count(gift_certificates_sold) THEN sum(gift_certificates_sold) END AS sold,
         CASE WHEN count(*) = count(gift_certificates_used) THEN sum(gift_certificates_used) END AS used,
         CASE WHEN count(*) = count(refunds) THEN sum(refunds) END AS refunds
  FROM mart GROUP BY currency
),
counted AS (
  SELECT number, coalesce(currency, 'XXX') AS currency, grand_total,
         EXISTS (
           SELECT FROM core.order_discounts d
           WHERE d._record_id = o._record_id AND d.is_payment_like AND d.amount IS NULL
         ) AS has_unknown
  FROM core.orders o
  WHERE business_date >= %(first)s AND business_date < %(following)s AND status IS DISTINCT FROM 'CANCELLED'
    AND is_internal IS NOT TRUE AND is_waiting_for_payment IS NOT TRUE
)
SELECT control, currency, amount FROM by_mart, LATERAL (VALUES
    ('orders', orders), ('units', units), ('gross', gross), ('net', net), ('tax', tax), ('discount', discount),
    ('shipping', shipping), ('vat_gross', gross), ('vat_net', net), ('vat_tax', tax),
    ('gift_certificates_sold', sold), ('gift_certificates_paid_with_tax', used), ('refunds', refunds)
  ) AS sums (control, amount)
UNION ALL
-- The sheets have them as gross without certificates, which is unknown where the worth of one is.
SELECT 'grand_totals', currency,
       CASE WHEN count(*) = count(grand_total) AND NOT bool_or(has_unknown) THEN sum(grand_total) END
FROM counted GROUP BY currency
UNION ALL
SELECT 'discounts_and_certificates', o.currency, CASE WHEN count(*) = count(d.amount) THEN sum(d.amount) END
FROM counted o JOIN core.order_discounts d ON d.order_number = o.number GROUP BY o.currency
UNION ALL
SELECT 'payments', coalesce(currency, 'XXX'), CASE WHEN count(*) = count(amount) THEN sum(amount) END
FROM (
  SELECT currency, signed_amount AS amount FROM core.payments
  WHERE business_date >= %(first)s AND business_date < %(following)s AND is_internal IS NOT TRUE
    AND direction IN ('in', 'out')
  UNION ALL
  SELECT min(coalesce(e.currency, o.currency)), -min(e.amount)
  FROM core.return_refunds e LEFT JOIN core.orders o ON o.number = e.order_number
  WHERE e.business_date >= %(first)s AND e.business_date < %(following)s AND e.direction = 'out'
    AND o.is_internal IS NOT TRUE
    AND NOT EXISTS (SELECT FROM core.payments p WHERE p.id = e.payment_id AND p.direction = 'out')
  GROUP BY e.payment_id
) moved GROUP BY 2
