-- Forget what was folded for phases whose definition changed.
DELETE FROM unit WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
DELETE FROM unit_value WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
DELETE FROM unit_delta WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
DELETE FROM state_delta WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
DELETE FROM unit_block WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
DELETE FROM level_delta WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
DELETE FROM block_delta WHERE phase_id IN (
  SELECT phase_id FROM phase WHERE environment_id = $environment_id AND rebuild
);
INSERT INTO moved (phase_id, times)
SELECT phase_id, 1 FROM phase WHERE environment_id = $environment_id AND rebuild
ON CONFLICT (phase_id) DO UPDATE SET times = moved.times + 1;
