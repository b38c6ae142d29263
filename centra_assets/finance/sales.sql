-- A sum of which a part is unknown is unknown.
WITH {finance_order},
ordered AS (
  SELECT *, round(gross * currency_base_rate, 4) AS gross_base, round(net * currency_base_rate, 4) AS net_base
  FROM finance_order WHERE counts
),
grouped AS (
  SELECT store_id, market_id, currency, count(*) AS orders,
         CASE WHEN count(*) = count(units) THEN sum(units)::bigint END AS units,
         CASE WHEN count(*) = count(gross) THEN sum(gross) END AS gross,
         CASE WHEN count(*) = count(discount) THEN sum(discount) END AS discount,
         CASE WHEN count(*) = count(shipping_owed) THEN sum(shipping_owed) END AS shipping,
         CASE WHEN count(*) = count(gross - net) THEN sum(gross - net) END AS tax,
         CASE WHEN count(*) = count(net) THEN sum(net) END AS net,
         CASE WHEN count(*) = count(gross_base) THEN sum(gross_base) END AS gross_base,
         CASE WHEN count(*) = count(gross_base - net_base) THEN sum(gross_base - net_base) END AS tax_base,
         CASE WHEN count(*) = count(net_base) THEN sum(net_base) END AS net_base
  FROM ordered GROUP BY store_id, market_id, currency
)
SELECT g.store_id, s.name AS store_name, g.market_id, m.name AS market_name, g.currency, g.orders, g.units, g.gross,
       g.discount, g.shipping, g.tax, g.net, g.gross_base, g.tax_base, g.net_base
FROM grouped g LEFT JOIN core.stores s ON s.id = g.store_id LEFT JOIN core.markets m ON m.id = g.market_id
ORDER BY g.store_id, g.market_id, g.currency COLLATE "C"
