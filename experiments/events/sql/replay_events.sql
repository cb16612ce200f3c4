-- Every folded event that the plain definition of a phase could read.
SELECT
  id, name, user_id, anonymous_id, account_id, occurred_at, CAST(value AS VARCHAR),
  experiment_key, variant_key, properties, phase
FROM event
WHERE environment_id = $environment_id
  AND position <= $position
  AND (
    CAST($every AS BOOLEAN)
    OR experiment_key = $experiment_key
    OR (user_id IS NOT NULL AND anonymous_id IS NOT NULL)
    OR name IN ('$membership', '$identify')
    OR name IN (
      SELECT event_name FROM source WHERE environment_id = $environment_id
    )
  );
