-- File the batch under raw ids: once as the person, once under its account. Nothing that
-- is filed ever moves; links and memberships decide at reading whose it is.
CREATE OR REPLACE TEMP TABLE filed AS
SELECT
  CASE
    WHEN user_id IS NULL THEN 'anonymous'
    WHEN account_id IS NULL THEN 'member'
    ELSE 'user'
  END AS kind,
  coalesce(user_id, anonymous_id) AS id,
  id AS event_id, name, occurred_at, value, experiment_key, variant_key, position
FROM batch
WHERE user_id IS NOT NULL OR anonymous_id IS NOT NULL
UNION ALL
SELECT
  'account', account_id, id, name, occurred_at, value, experiment_key, variant_key,
  position
FROM batch
WHERE account_id IS NOT NULL;

-- A value becomes steps once, half to even.
CREATE OR REPLACE TEMP TABLE new_row AS
SELECT
  source_id, kind, id, occurred_at - occurred_at % 86400000 AS day, occurred_at, event_id,
  CAST(
    floor(scaled) + CASE
      WHEN scaled - floor(scaled) > 0.5 THEN 1
      WHEN scaled - floor(scaled) = 0.5 AND floor(scaled) % 2 <> 0 THEN 1
      ELSE 0
    END AS BIGINT
  ) AS steps
FROM (
  SELECT
    source.source_id, filed.kind, filed.id, filed.occurred_at, filed.event_id,
    CASE
      WHEN source.value = 'ONE' THEN CAST(1 AS DECIMAL(38, 18))
      ELSE CAST(filed.value * CAST(source.steps AS DECIMAL(10, 0)) AS DECIMAL(38, 18))
    END AS scaled
  FROM filed
  JOIN source ON source.event_name = filed.name
  WHERE source.environment_id = $environment_id
    AND source.filled = $filled
    AND (source.value = 'ONE' OR filed.value IS NOT NULL)
) AS scaled_row;

INSERT INTO cell_row
  (environment_id, source_id, kind, id, day, occurred_at, event_id, steps)
SELECT
  CAST($environment_id AS UUID), source_id, kind, id, day, occurred_at, event_id, steps
FROM new_row;

INSERT INTO cell (environment_id, source_id, kind, id, day, events, total)
SELECT
  CAST($environment_id AS UUID), source_id, kind, id, day,
  count(*), sum(CAST(steps AS HUGEINT))
FROM new_row
GROUP BY source_id, kind, id, day;
