-- A value becomes steps once, half to even.
CREATE OR REPLACE TEMP TABLE new_row AS
SELECT
  source_id, kind, id, subject,
  occurred_at - occurred_at % 86400000 AS day, occurred_at, event_id,
  CAST(
    floor(scaled) + CASE
      WHEN scaled - floor(scaled) > 0.5 THEN 1
      WHEN scaled - floor(scaled) = 0.5 AND floor(scaled) % 2 <> 0 THEN 1
      ELSE 0
    END AS BIGINT
  ) AS steps
FROM (
  SELECT
    added.source_id, filed.kind, filed.id, filed.subject, filed.occurred_at,
    filed.event_id, added.scaled
  FROM filed
  JOIN added ON added.position = filed.position
  WHERE added.scaled IS NOT NULL
) AS scaled_row;

INSERT INTO cell_row
  (environment_id, source_id, kind, id, day, occurred_at, event_id, steps, subject)
SELECT
  CAST($environment_id AS UUID), source_id, kind, id, day, occurred_at, event_id, steps,
  subject
FROM new_row;

INSERT INTO cell (environment_id, source_id, kind, id, day, events, total, subject)
SELECT
  CAST($environment_id AS UUID), source_id, min(kind), min(id), day,
  count(*), sum(CAST(steps AS HUGEINT)), subject
FROM new_row
GROUP BY source_id, subject, day;
