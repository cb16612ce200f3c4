-- The value that each event adds to each source whose conditions it meets.
CREATE OR REPLACE TEMP TABLE added AS
SELECT
  batch.position, source.source_id,
  CASE
    WHEN source.value = 'ONE' THEN CAST(1 AS DECIMAL(38, 18))
    ELSE CAST(
      CASE
        WHEN source.property IS NULL THEN batch.value
        ELSE property_number(property_text(batch.properties, source.property))
      END * CAST(source.steps AS DECIMAL(10, 0)) AS DECIMAL(38, 18)
    )
  END AS scaled
FROM batch
JOIN source ON source.event_name = batch.name
WHERE source.environment_id = $environment_id
  AND source.filled = $filled
  AND NOT EXISTS (
    SELECT 1 FROM source_filter
    WHERE source_filter.source_id = source.source_id
      AND NOT passes(
        property_text(batch.properties, source_filter.property),
        source_filter.operator,
        source_filter.asked
      )
  );
