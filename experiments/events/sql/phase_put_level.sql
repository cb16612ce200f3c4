INSERT INTO phase_level (phase_id, dimension, place, level)
VALUES ($phase_id, $dimension, $place, $level);
