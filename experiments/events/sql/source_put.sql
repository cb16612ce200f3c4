-- A source that is new has no cells yet: the next fold fills them from the raw events.
INSERT INTO source (source_id, environment_id, event_name, value, steps, filled)
VALUES ($source_id, $environment_id, $event_name, $value, $steps, FALSE)
ON CONFLICT (source_id) DO NOTHING;
