-- Where no plan has dimensions.
CREATE OR REPLACE TEMP TABLE new_unit AS
SELECT
  randomised.phase_id, randomised.kind, randomised.id, randomised.arm,
  randomised.exposed_at, randomised.event_id, randomised.in_gap, randomised.linked,
  randomised.conflicted, randomised.joined,
  '' AS levels, randomised.subject,
  randomised.person
FROM randomised;
