-- A source that is new has no cells yet: the next fold fills them from the raw events.
INSERT INTO source (source_id, environment_id, event_name, value, steps, filled, property)
VALUES (
  $source_id, $environment_id, $event_name, $value, $steps, FALSE, $property
)
ON CONFLICT (source_id) DO NOTHING;

DELETE FROM source_filter WHERE source_id = $source_id;
