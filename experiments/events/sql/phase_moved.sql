-- Another definition counts as another state, before the next fold has filled it.
INSERT INTO moved (phase_id, times) VALUES ($phase_id, 1)
ON CONFLICT (phase_id) DO UPDATE SET times = moved.times + 1;
