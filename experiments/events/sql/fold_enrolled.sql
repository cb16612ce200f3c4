-- Which units changed; mostly none does.
CREATE OR REPLACE TEMP TABLE gone_unit AS
SELECT * FROM old_unit
EXCEPT
SELECT
  phase_id, kind, id, arm, exposed_at, event_id, in_gap, linked, conflicted, joined,
  levels, subject
FROM new_unit;

CREATE OR REPLACE TEMP TABLE came_unit AS
SELECT
  phase_id, kind, id, arm, exposed_at, event_id, in_gap, linked, conflicted, joined,
  levels, subject
FROM new_unit
EXCEPT
SELECT * FROM old_unit;

SELECT (SELECT count(*) FROM gone_unit) + (SELECT count(*) FROM came_unit);
