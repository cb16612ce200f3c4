-- The units of these persons. An exposure under an id that is already known to be a person
-- with an exposure makes no new unit. A link after both exposures keeps both units: the
-- first stands for the person, the later one stays, linked, with value 0. A unit that was
-- exposed under an anonymous id has joined once that id belongs to a user.
CREATE OR REPLACE TEMP TABLE met AS
SELECT
  phase.phase_id, scope.person_kind, scope.person_id, scope.unit_kind, scope.unit_id,
  scope.joined_at, exposure.arm, exposure.occurred_at, exposure.event_id
FROM scope
JOIN exposure
  ON exposure.environment_id = $environment_id
  AND exposure.kind = scope.kind
  AND exposure.id = scope.id
  AND exposure.occurred_at >= scope.valid_from
  AND exposure.occurred_at < scope.valid_to
JOIN phase
  ON phase.environment_id = $environment_id
  AND phase.experiment_key = exposure.experiment_key
  AND phase.unit = scope.unit
  AND exposure.occurred_at >= phase.started_at
  AND exposure.occurred_at < phase.ended_at
JOIN phase_arm
  ON phase_arm.phase_id = phase.phase_id AND phase_arm.arm = exposure.arm;

CREATE OR REPLACE TEMP TABLE first_met AS
SELECT
  phase_id, person_kind, person_id, unit_kind, unit_id,
  joined_at, arm, occurred_at, event_id
FROM (
  SELECT
    met.*,
    row_number() OVER (
      PARTITION BY phase_id, person_kind, person_id, unit_kind, unit_id
      ORDER BY occurred_at, event_id
    ) AS place
  FROM met
) AS ordered
WHERE place = 1;

CREATE OR REPLACE TEMP TABLE new_unit AS
SELECT
  first_met.phase_id, first_met.unit_kind AS kind, first_met.unit_id AS id,
  first_met.arm, first_met.occurred_at AS exposed_at, first_met.event_id,
  EXISTS (
    SELECT 1 FROM phase_gap
    WHERE phase_gap.phase_id = first_met.phase_id
      AND first_met.occurred_at >= phase_gap.opened_at
      AND first_met.occurred_at < phase_gap.closed_at
  ) AS in_gap,
  row_number() OVER person_order > 1 AS linked,
  row_number() OVER person_order = 1 AND seen.arms > 1 AS conflicted,
  first_met.unit_kind = 'anonymous' AND first_met.person_kind = 'user' AS joined,
  first_met.person_kind, first_met.person_id
FROM first_met
JOIN (
  SELECT phase_id, person_kind, person_id, count(DISTINCT arm) AS arms
  FROM met
  GROUP BY phase_id, person_kind, person_id
) AS seen
  ON seen.phase_id = first_met.phase_id
  AND seen.person_kind = first_met.person_kind
  AND seen.person_id = first_met.person_id
WHERE NOT EXISTS (
  SELECT 1 FROM first_met AS earlier
  WHERE earlier.phase_id = first_met.phase_id
    AND earlier.person_kind = first_met.person_kind
    AND earlier.person_id = first_met.person_id
    AND (
      earlier.occurred_at < first_met.occurred_at
      OR (
        earlier.occurred_at = first_met.occurred_at
        AND earlier.event_id < first_met.event_id
      )
    )
    AND earlier.joined_at <= first_met.occurred_at
    AND first_met.joined_at <= first_met.occurred_at
)
WINDOW person_order AS (
  PARTITION BY first_met.phase_id, first_met.person_kind, first_met.person_id
  ORDER BY first_met.occurred_at, first_met.event_id
);

CREATE OR REPLACE TEMP TABLE old_unit AS
SELECT unit.*
FROM (SELECT DISTINCT unit_kind, unit_id FROM scope) AS known
JOIN phase ON phase.environment_id = $environment_id
JOIN unit
  ON unit.phase_id = phase.phase_id
  AND unit.kind = known.unit_kind
  AND unit.id = known.unit_id;

CREATE OR REPLACE TEMP TABLE gone_unit AS
SELECT * FROM old_unit
EXCEPT
SELECT
  phase_id, kind, id, arm, exposed_at, event_id, in_gap, linked, conflicted, joined
FROM new_unit;

CREATE OR REPLACE TEMP TABLE came_unit AS
SELECT phase_id, kind, id, arm, exposed_at, event_id, in_gap, linked, conflicted, joined
FROM new_unit
EXCEPT
SELECT * FROM old_unit;

INSERT INTO unit_delta (phase_id, arm, day, exposed, in_gap, conflicted, linked, joined)
SELECT
  phase_id, arm, exposed_at - exposed_at % 86400000,
  sum(CASE WHEN in_gap THEN 0 ELSE sign END),
  sum(CASE WHEN in_gap THEN sign ELSE 0 END),
  sum(CASE WHEN conflicted AND NOT in_gap THEN sign ELSE 0 END),
  sum(CASE WHEN linked AND NOT in_gap THEN sign ELSE 0 END),
  sum(CASE WHEN joined AND NOT in_gap THEN sign ELSE 0 END)
FROM (
  SELECT came_unit.*, 1 AS sign FROM came_unit
  UNION ALL
  SELECT gone_unit.*, -1 AS sign FROM gone_unit
) AS change
GROUP BY phase_id, arm, exposed_at - exposed_at % 86400000;

DELETE FROM unit
USING gone_unit
WHERE unit.phase_id = gone_unit.phase_id
  AND unit.kind = gone_unit.kind
  AND unit.id = gone_unit.id;

INSERT INTO unit
SELECT * FROM came_unit;
