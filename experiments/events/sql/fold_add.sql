-- The value that each event adds to each source, where none asks for more than a name.
CREATE OR REPLACE TEMP TABLE added AS
SELECT
  batch.position, source.source_id,
  CASE
    WHEN source.value = 'ONE' THEN CAST(1 AS DECIMAL(38, 18))
    ELSE CAST(batch.value * CAST(source.steps AS DECIMAL(10, 0)) AS DECIMAL(38, 18))
  END AS scaled
FROM batch
JOIN source ON source.event_name = batch.name
WHERE source.environment_id = $environment_id AND source.filled = $filled;
