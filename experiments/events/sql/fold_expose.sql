-- Keep the batch's exposures, and note every raw id whose numbers may change.
INSERT INTO exposure
  (environment_id, experiment_key, kind, id, arm, occurred_at, event_id, position, phase,
   subject)
SELECT
  CAST($environment_id AS UUID),
  experiment_key, kind, id, variant_key, occurred_at, event_id, position, phase, subject
FROM filed
WHERE name = '$exposure' AND experiment_key IS NOT NULL AND variant_key IS NOT NULL;

INSERT INTO exposed_with (environment_id, position, properties)
SELECT CAST($environment_id AS UUID), position, properties
FROM batch
WHERE name = '$exposure'
  AND experiment_key IS NOT NULL
  AND variant_key IS NOT NULL
  AND properties <> '{}';

INSERT INTO named
  (environment_id, experiment_key, arm, exposures, first_at, last_at)
SELECT
  CAST($environment_id AS UUID), experiment_key, variant_key,
  count(*), min(occurred_at), max(occurred_at)
FROM batch
WHERE name = '$exposure' AND experiment_key IS NOT NULL AND variant_key IS NOT NULL
GROUP BY experiment_key, variant_key
ON CONFLICT (environment_id, experiment_key, arm) DO UPDATE SET
  exposures = named.exposures + excluded.exposures,
  first_at = least(named.first_at, excluded.first_at),
  last_at = greatest(named.last_at, excluded.last_at);

CREATE OR REPLACE TEMP TABLE touched AS
SELECT CASE kind WHEN 'member' THEN 'user' ELSE kind END AS kind, id
FROM filed
WHERE name = '$exposure'
UNION
SELECT CASE kind WHEN 'member' THEN 'user' ELSE kind END, id FROM new_row
UNION
SELECT kind, id FROM relinked
UNION
SELECT kind, id FROM sighted
UNION
SELECT 'user', user_id FROM new_membership;
