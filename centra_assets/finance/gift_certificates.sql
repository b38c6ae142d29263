WITH {finance_order},
earlier AS (
  SELECT _record_id, coalesce(currency, 'XXX') AS currency,
         coalesce(grand_total = grand_total_net AND tax_deducted <> 0, false) AS is_exempt
  FROM core.orders
  WHERE business_date < %(first)s AND is_internal IS NOT TRUE AND status IS DISTINCT FROM 'CANCELLED'
    AND is_waiting_for_payment IS NOT TRUE
),
moved AS (
  SELECT o.currency, CASE WHEN o.is_exempt THEN l.line_value_net ELSE l.line_value END AS before,
         0::numeric AS sold, 0::numeric AS used, 0::numeric AS paid, 0::numeric AS captured, 0::numeric AS refunded
  FROM earlier o JOIN core.order_lines l USING (_record_id)
  WHERE l.line_type = 'gift_certificate' AND l.counts_in_totals
  UNION ALL
  SELECT o.currency, -d.amount, 0, 0, 0, 0, 0
  FROM earlier o JOIN core.order_discounts d USING (_record_id) WHERE d.is_payment_like
  UNION ALL
  SELECT currency, 0, sold, used, used_with_tax, 0, 0
  FROM finance_order WHERE counts AND (sold IS DISTINCT FROM 0 OR used IS DISTINCT FROM 0)
  UNION ALL
  SELECT coalesce(currency, 'XXX'), 0, 0, 0, 0,
         CASE WHEN direction = 'in' THEN amount ELSE 0 END, CASE WHEN direction = 'out' THEN amount ELSE 0 END
  FROM core.payments
  WHERE business_date >= %(first)s AND business_date < %(following)s AND is_internal IS NOT TRUE
    AND direction <> 'none' AND entry_type IN ('CAPTURE_GIFT_CARD', 'REFUND_GIFT_CARD')
),
summed AS (
  SELECT currency,
         CASE WHEN count(*) = count(before) THEN sum(before) END AS balance_before,
         CASE WHEN count(*) = count(sold) THEN sum(sold) END AS sold,
         CASE WHEN count(*) = count(used) THEN sum(used) END AS used,
         CASE WHEN count(*) = count(paid) THEN sum(paid) END AS paid_with_tax,
         CASE WHEN count(*) = count(captured) THEN sum(captured) END AS external_cards_captured,
         CASE WHEN count(*) = count(refunded) THEN sum(refunded) END AS external_cards_refunded
  FROM moved GROUP BY currency
)
SELECT currency, balance_before, sold, used, balance_before + sold - used AS balance_after, paid_with_tax,
       external_cards_captured, external_cards_refunded
FROM summed ORDER BY currency COLLATE "C"
