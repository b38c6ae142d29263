-- The hours of marts.sync_health from %(since)s on: counts of each hour, and how things stand now in the running one.
WITH now AS MATERIALIZED (
  SELECT clock_timestamp() AS at
),
entity AS (
  SELECT * FROM unnest(%(entities)s::text[], %(strategies)s::text[]) AS asked (entity, strategy)
),
hours AS (
  SELECT generate_series(%(since)s::timestamptz, date_trunc('hour', at, 'UTC'), interval '1 hour') AS hour FROM now
),
loads AS (
  SELECT entity, date_trunc('hour', at, 'UTC') AS hour,
         sum(inserted) AS inserted, sum(updated) AS updated, sum(deleted) AS deleted
  FROM entity JOIN ops.load_log USING (entity) WHERE at >= %(since)s::timestamptz GROUP BY 1, 2
),
hints AS (
  SELECT entity, date_trunc('hour', done_at, 'UTC') AS hour,
         count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed
  FROM ops.inbox WHERE done_at >= %(since)s::timestamptz GROUP BY 1, 2
),
spent AS (
  SELECT entity, hour, sum(requests) AS requests, sum(complexity) AS complexity, sum(retries) AS retries,
         sum(throttled) AS throttled, sum(seconds_waited) AS seconds_waited
  FROM ops.api_spending WHERE hour >= %(since)s::timestamptz GROUP BY 1, 2
),
waiting AS (
  SELECT entity, count(*) AS hints, min(received_at) AS oldest FROM ops.inbox WHERE state = 'waiting' GROUP BY 1
),
aside AS (
  SELECT entity, count(*) AS records FROM ops.quarantine GROUP BY 1
),
-- How each entity stands at this moment. Whatever was loaded was looked at, whether or not it had changed; but a load of
-- one record is no news of the others, so what we have is as fresh as the sweep that came to its end without a failure.
standing AS (
  SELECT entity, date_trunc('hour', now.at, 'UTC') AS hour, now.at AS measured_at,
         greatest(swept.at, loaded.at) AS checked_at, changed.at AS changed_at,
         CASE WHEN mark.checked_at IS NULL THEN loaded.at ELSE mark.fresh_at END AS fresh_at,
         coalesce(waiting.hints, 0) AS hints, waiting.oldest, coalesce(aside.records, 0) AS quarantined
  FROM now CROSS JOIN entity
  LEFT JOIN LATERAL (SELECT max(checked_at) AS at FROM ops.sync_state s WHERE s.entity = entity.entity) swept ON true
  LEFT JOIN LATERAL (
    SELECT checked_at, fresh_at FROM ops.sync_state s
    WHERE s.entity = entity.entity AND s.strategy = entity.strategy AND s.partition = ''
  ) mark ON true
  LEFT JOIN LATERAL (SELECT max(at) AS at FROM ops.load_log l WHERE l.entity = entity.entity) loaded ON true
  LEFT JOIN LATERAL (
    SELECT at FROM ops.load_log l WHERE l.entity = entity.entity AND inserted + updated + deleted > 0
    ORDER BY at DESC LIMIT 1
  ) changed ON true
  LEFT JOIN waiting USING (entity)
  LEFT JOIN aside USING (entity)
)
INSERT INTO marts.sync_health AS held
  (entity, hour, measured_at, checked_at, fresh_at, changed_at, lag_seconds, hints_waiting, oldest_hint_at,
   oldest_hint_seconds, records_quarantined, hints_done, hints_failed, rows_inserted, rows_updated, rows_deleted,
   api_requests, api_complexity, api_retries, api_throttled, api_seconds_waited, _record_id, _partition, _fetched_at,
   _loaded_at)
SELECT entity, hour, s.measured_at, s.checked_at, s.fresh_at, s.changed_at,
       extract(epoch FROM now.at - s.fresh_at)::bigint,
       s.hints, s.oldest, extract(epoch FROM now.at - s.oldest)::bigint, s.quarantined,
       coalesce(hints.done, 0), coalesce(hints.failed, 0),
       coalesce(loads.inserted, 0), coalesce(loads.updated, 0), coalesce(loads.deleted, 0),
       coalesce(spent.requests, 0), coalesce(spent.complexity, 0), coalesce(spent.retries, 0),
       coalesce(spent.throttled, 0), round(coalesce(spent.seconds_waited, 0)),
       entity, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD'), now.at, now.at
FROM now CROSS JOIN entity CROSS JOIN hours
-- Of an hour that is over nobody knows any more how things stood.
LEFT JOIN standing s USING (entity, hour)
LEFT JOIN loads USING (entity, hour)
LEFT JOIN hints USING (entity, hour)
LEFT JOIN spent USING (entity, hour)
ORDER BY entity, hour
ON CONFLICT (entity, hour) DO UPDATE SET
  hints_done = excluded.hints_done, hints_failed = excluded.hints_failed,
  rows_inserted = excluded.rows_inserted, rows_updated = excluded.rows_updated, rows_deleted = excluded.rows_deleted,
  api_requests = excluded.api_requests, api_complexity = excluded.api_complexity,
  api_retries = excluded.api_retries, api_throttled = excluded.api_throttled,
  api_seconds_waited = excluded.api_seconds_waited,
  measured_at = coalesce(excluded.measured_at, held.measured_at),
  checked_at = coalesce(excluded.checked_at, held.checked_at),
  changed_at = coalesce(excluded.changed_at, held.changed_at),
  fresh_at = CASE WHEN excluded.measured_at IS NULL THEN held.fresh_at ELSE excluded.fresh_at END,
  lag_seconds = CASE WHEN excluded.measured_at IS NULL THEN held.lag_seconds ELSE excluded.lag_seconds END,
  hints_waiting = coalesce(excluded.hints_waiting, held.hints_waiting),
  oldest_hint_at = CASE WHEN excluded.measured_at IS NULL THEN held.oldest_hint_at ELSE excluded.oldest_hint_at END,
  oldest_hint_seconds = CASE WHEN excluded.measured_at IS NULL THEN held.oldest_hint_seconds
                             ELSE excluded.oldest_hint_seconds END,
  records_quarantined = coalesce(excluded.records_quarantined, held.records_quarantined),
  _fetched_at = excluded._fetched_at, _loaded_at = excluded._loaded_at
