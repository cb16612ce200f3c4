-- Where each unit is in the dimensions of its phase's plan: the places of its levels,
-- joined by dots, then those of the strata, joined by dashes. A unit that keeps its first
-- exposure keeps them.
CREATE OR REPLACE TEMP TABLE unplaced AS
SELECT randomised.phase_id, randomised.subject, randomised.position
FROM randomised
LEFT JOIN old_unit
  ON old_unit.phase_id = randomised.phase_id
  AND old_unit.subject = randomised.subject
  AND old_unit.event_id = randomised.event_id
WHERE old_unit.subject IS NULL
  AND randomised.phase_id IN (SELECT phase_dimension.phase_id FROM phase_dimension);

CREATE OR REPLACE TEMP TABLE placed AS
SELECT
  phase_id, subject,
  string_agg(CAST(place AS VARCHAR), '.' ORDER BY dimension_place) AS levels,
  string_agg(CASE WHEN stratum THEN CAST(place AS VARCHAR) END, '-' ORDER BY dimension_place)
    AS strata
FROM (
  SELECT
    told.phase_id, told.subject, told.stratum, told.dimension_place,
    CASE
      WHEN told.level IS NULL THEN told.other_place + 1
      ELSE coalesce(phase_level.place, told.other_place)
    END AS place
  FROM (
    SELECT
      unplaced.phase_id, unplaced.subject,
      phase_dimension.dimension, phase_dimension.stratum, phase_dimension.other_place,
      phase_dimension.place AS dimension_place,
      property_text(exposed_with.properties, phase_dimension.attribute) AS level
    FROM unplaced
    JOIN phase_dimension
      ON phase_dimension.phase_id = unplaced.phase_id
      AND phase_dimension.attribute IS NOT NULL
    LEFT JOIN exposed_with
      ON exposed_with.environment_id = $environment_id
      AND exposed_with.position = unplaced.position
  ) AS told
  LEFT JOIN phase_level
    ON phase_level.phase_id = told.phase_id
    AND phase_level.dimension = told.dimension
    AND phase_level.level = told.level
    AND phase_level.place < told.other_place
) AS level_place
GROUP BY phase_id, subject;

CREATE OR REPLACE TEMP TABLE new_unit AS
SELECT
  randomised.phase_id, randomised.kind, randomised.id, randomised.arm,
  randomised.exposed_at, randomised.event_id, randomised.in_gap, randomised.linked,
  randomised.conflicted, randomised.joined,
  CASE
    WHEN placed.subject IS NOT NULL THEN placed.levels || coalesce('.' || placed.strata, '')
    ELSE coalesce(old_unit.levels, '')
  END AS levels,
  randomised.subject, randomised.person
FROM randomised
LEFT JOIN placed
  ON placed.phase_id = randomised.phase_id
  AND placed.subject = randomised.subject
LEFT JOIN old_unit
  ON old_unit.phase_id = randomised.phase_id
  AND old_unit.subject = randomised.subject;
