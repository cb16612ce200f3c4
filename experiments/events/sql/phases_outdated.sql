-- Phases whose parts an older version of the program stored.
SELECT phase_id, environment_id FROM phase WHERE version = 0 ORDER BY phase_id;
