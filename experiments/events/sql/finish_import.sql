UPDATE progress
SET import_finished_at = $now
WHERE environment_id = $environment_id;
