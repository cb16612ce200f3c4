INSERT INTO phase_arm (phase_id, arm) VALUES ($phase_id, $arm);
