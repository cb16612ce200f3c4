-- The same counts in one row per key.
CREATE OR REPLACE TEMP TABLE counted AS
SELECT phase_id, arm, dimension, level, CAST(sum(units) AS BIGINT) AS units
FROM level_delta
WHERE phase_id = $phase_id
GROUP BY phase_id, arm, dimension, level;

DELETE FROM level_delta WHERE phase_id = $phase_id;

INSERT INTO level_delta SELECT * FROM counted;

CREATE OR REPLACE TEMP TABLE timed AS
SELECT phase_id, metric_id, arm, day, block, CAST(sum(units) AS BIGINT) AS units
FROM block_delta
WHERE phase_id = $phase_id
GROUP BY phase_id, metric_id, arm, day, block;

DELETE FROM block_delta WHERE phase_id = $phase_id;

INSERT INTO block_delta SELECT * FROM timed;
