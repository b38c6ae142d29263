-- Goods have the rate of their lines. Of shipping and of what discounts took off, Centra tells the amounts and not the
-- rate: they get one only where exactly one rate of the order's goods explains net and tax, within a minor unit per
-- line. Elsewhere the rate stays unknown; amounts are exact either way, because the last part is what is left.
WITH {finance_order},
ordered AS (
  SELECT o.*, power(10::numeric, -coalesce(c.decimal_digits, 2)) * greatest(o.lines, 1) AS tolerance
  FROM finance_order o LEFT JOIN core.currencies c ON c.code = o.currency
  WHERE o.counts
),
goods AS (
  SELECT o.number, CASE WHEN o.tax_treatment = 'exempt' THEN 0 ELSE l.tax_percent END AS tax_percent,
         CASE WHEN count(*) = count(l.line_value_net) THEN sum(l.line_value_net) END AS net,
         CASE WHEN count(*) = count(l.line_value)
              THEN sum(CASE WHEN o.is_exempt THEN l.line_value_net ELSE l.line_value END) END AS gross
  FROM ordered o
  JOIN core.order_lines l ON l._record_id = o._record_id AND l.counts_in_totals
  WHERE l.line_type IS DISTINCT FROM 'gift_certificate' AND l.quantity <> 0
  GROUP BY 1, 2
),
goods_of_order AS (
  SELECT number, CASE WHEN count(*) = count(net) THEN sum(net) END AS net,
         CASE WHEN count(*) = count(gross) THEN sum(gross) END AS gross
  FROM goods GROUP BY number
),
other AS (
  SELECT number, 'shipping' AS part, shipping_net AS net, shipping_owed AS gross
  FROM ordered WHERE shipping_owed IS NULL OR shipping_owed <> 0
  UNION ALL
  SELECT o.number, 'reductions', o.net - CASE WHEN g.number IS NULL THEN 0 ELSE g.net END - o.shipping_net,
         o.gross - CASE WHEN g.number IS NULL THEN 0 ELSE g.gross END - o.shipping_owed
  FROM ordered o LEFT JOIN goods_of_order g USING (number)
),
explained AS (
  SELECT x.number, x.part, x.net, x.gross, min(g.tax_percent) AS tax_percent, count(g.tax_percent) AS rates
  FROM other x
  JOIN ordered o USING (number)
  LEFT JOIN goods g ON g.number = x.number AND abs(x.net * g.tax_percent / 100 - (x.gross - x.net)) <= o.tolerance
  GROUP BY x.number, x.part, x.net, x.gross
),
part AS (
  SELECT number, 'goods' AS part, tax_percent, net, gross FROM goods
  UNION ALL
  SELECT number, part,
         CASE WHEN net = gross THEN coalesce(CASE WHEN rates = 1 THEN tax_percent END, 0)
              WHEN rates = 1 THEN tax_percent END, net, gross
  FROM explained WHERE net IS DISTINCT FROM 0 OR gross IS DISTINCT FROM 0
)
SELECT o.country_code, o.currency, o.tax_treatment,
       coalesce(trim_scale(p.tax_percent)::text || '%%', 'not known') AS rate, p.tax_percent,
       CASE WHEN count(*) = count(p.net) THEN coalesce(sum(p.net) FILTER (WHERE p.part = 'goods'), 0) END AS goods_net,
       CASE WHEN count(*) = count(p.net) THEN coalesce(sum(p.net) FILTER (WHERE p.part = 'shipping'), 0) END
         AS shipping_net,
       CASE WHEN count(*) = count(p.net) THEN coalesce(sum(p.net) FILTER (WHERE p.part = 'reductions'), 0) END
         AS reductions_net,
       CASE WHEN count(*) = count(p.net) THEN sum(p.net) END AS net,
       CASE WHEN count(*) = count(p.gross - p.net) THEN sum(p.gross - p.net) END AS tax,
       CASE WHEN count(*) = count(p.gross) THEN sum(p.gross) END AS gross
FROM part p JOIN ordered o USING (number)
GROUP BY o.country_code, o.currency, o.tax_treatment, p.tax_percent
ORDER BY o.country_code COLLATE "C", o.currency COLLATE "C", o.tax_treatment COLLATE "C", p.tax_percent NULLS LAST
