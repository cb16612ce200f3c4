-- The same sums in one row per key.
CREATE OR REPLACE TEMP TABLE compacted AS
SELECT
  phase_id, arm, day,
  CAST(sum(exposed) AS BIGINT) AS exposed, CAST(sum(in_gap) AS BIGINT) AS in_gap,
  CAST(sum(conflicted) AS BIGINT) AS conflicted, CAST(sum(linked) AS BIGINT) AS linked,
  CAST(sum(joined) AS BIGINT) AS joined
FROM unit_delta
WHERE phase_id = $phase_id
GROUP BY phase_id, arm, day;

DELETE FROM unit_delta WHERE phase_id = $phase_id;

INSERT INTO unit_delta SELECT * FROM compacted;
