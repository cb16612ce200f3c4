DELETE FROM phase_arm WHERE phase_id = $phase_id;
DELETE FROM phase_gap WHERE phase_id = $phase_id;
DELETE FROM phase_dimension WHERE phase_id = $phase_id;
DELETE FROM phase_level WHERE phase_id = $phase_id;
DELETE FROM metric_step WHERE phase_id = $phase_id;
DELETE FROM metric WHERE phase_id = $phase_id;
