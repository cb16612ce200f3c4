-- The units of these persons. An exposure under an id that is already known to be a person
-- with an exposure makes no new unit. A link after both exposures keeps both units: the
-- first stands for the person, the later one stays, linked, with value 0. A unit that was
-- exposed under an anonymous id has joined once that id belongs to a user.
CREATE OR REPLACE TEMP TABLE near_exposure AS
SELECT exposure.*
FROM (SELECT DISTINCT subject FROM scope) AS near
JOIN exposure ON exposure.subject = near.subject;

CREATE OR REPLACE TEMP TABLE met AS
SELECT
  phase.phase_id, scope.person_kind, scope.person, scope.unit_kind, scope.unit_id,
  scope.unit_subject, scope.joined_at, exposure.arm, exposure.occurred_at, exposure.event_id,
  exposure.position
FROM scope
JOIN near_exposure AS exposure
  ON exposure.subject = scope.subject
  AND exposure.occurred_at >= scope.valid_from
  AND exposure.occurred_at < scope.valid_to
JOIN phase
  ON phase.environment_id = $environment_id
  AND phase.experiment_key = exposure.experiment_key
  AND phase.unit = scope.unit
  AND exposure.occurred_at >= phase.started_at
  AND exposure.occurred_at < phase.ended_at
  AND exposure.phase IN (0, phase.number)
JOIN phase_arm
  ON phase_arm.phase_id = phase.phase_id AND phase_arm.arm = exposure.arm;

CREATE OR REPLACE TEMP TABLE first_met AS
SELECT
  phase_id, person_kind, person, unit_kind, unit_id, unit_subject,
  joined_at, arm, occurred_at, event_id, position
FROM (
  SELECT
    met.*,
    row_number() OVER (
      PARTITION BY phase_id, person, unit_subject
      ORDER BY occurred_at, event_id
    ) AS place
  FROM met
) AS ordered
WHERE place = 1;

CREATE OR REPLACE TEMP TABLE randomised AS
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
  first_met.person, first_met.unit_subject AS subject, first_met.position
FROM first_met
JOIN (
  SELECT phase_id, person, count(DISTINCT arm) AS arms
  FROM met
  GROUP BY phase_id, person
) AS seen
  ON seen.phase_id = first_met.phase_id AND seen.person = first_met.person
WHERE NOT EXISTS (
  SELECT 1 FROM first_met AS earlier
  WHERE earlier.phase_id = first_met.phase_id
    AND earlier.person = first_met.person
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
  PARTITION BY first_met.phase_id, first_met.person
  ORDER BY first_met.occurred_at, first_met.event_id
);

CREATE OR REPLACE TEMP TABLE old_unit AS
SELECT unit.*
FROM (SELECT DISTINCT unit_subject AS subject FROM scope) AS known
JOIN unit ON unit.subject = known.subject;
