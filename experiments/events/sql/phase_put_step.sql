INSERT INTO metric_step (phase_id, metric_id, place, source_id)
VALUES ($phase_id, $metric_id, $place, $source_id);
