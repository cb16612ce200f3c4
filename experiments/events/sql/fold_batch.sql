-- The next events of one environment, in the order in which they were stored.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT
  position, id, name, user_id, anonymous_id, account_id,
  occurred_at, value, experiment_key, variant_key
FROM event
WHERE environment_id = $environment_id AND position > $position AND position <= $head
ORDER BY position
LIMIT $limit;

SELECT
  count(*),
  coalesce(max(position), CAST($position AS BIGINT)),
  max(occurred_at)
FROM batch;
