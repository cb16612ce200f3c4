-- The next events of one environment, in the order in which they were stored.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT
  position, id, name, user_id, anonymous_id, account_id,
  occurred_at, value, experiment_key, variant_key, phase,
  CASE
    WHEN name = '$exposure' OR name IN (
      SELECT event_name FROM source
      WHERE environment_id = $environment_id
        AND (
          property IS NOT NULL
          OR source_id IN (SELECT source_filter.source_id FROM source_filter)
        )
    ) THEN properties
    ELSE '{}'
  END AS properties
FROM event
WHERE environment_id = $environment_id AND position > $position AND position <= $head
ORDER BY position
LIMIT $limit;

SELECT
  count(*),
  coalesce(max(position), CAST($position AS BIGINT)),
  max(occurred_at)
FROM batch;
