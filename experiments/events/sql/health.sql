SELECT
  coalesce(max(stream.position), 0),
  coalesce(sum(stream.events - coalesce(progress.events, 0)), 0),
  max(stream.appended_at),
  (SELECT max(folded_at) FROM progress)
FROM stream
LEFT JOIN progress ON progress.environment_id = stream.environment_id;
