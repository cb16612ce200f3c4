INSERT INTO phase_gap (phase_id, opened_at, closed_at)
VALUES ($phase_id, $opened_at, $closed_at);
