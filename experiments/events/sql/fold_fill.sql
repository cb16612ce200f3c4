-- Fill the cells of new sources from the raw events that are already folded.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT
  position, id, name, user_id, anonymous_id, account_id,
  occurred_at, value, experiment_key, variant_key, phase, properties
FROM event
WHERE environment_id = $environment_id
  AND position <= $position
  AND name IN (
    SELECT event_name FROM source
    WHERE environment_id = $environment_id AND NOT filled
  );
