-- Together these cost DuckDB half of what an upsert does.
INSERT INTO stream (environment_id, position, events, appended_at)
SELECT CAST($environment_id AS UUID), 0, 0, 0
WHERE NOT EXISTS (SELECT 1 FROM stream WHERE environment_id = $environment_id);

UPDATE stream
SET position = $position, events = events + $events, appended_at = $received_at
WHERE environment_id = $environment_id;
