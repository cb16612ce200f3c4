-- In the same transaction: how far the environment is folded now.
UPDATE phase SET rebuild = FALSE WHERE environment_id = $environment_id AND rebuild;

UPDATE progress
SET
  position = $position,
  events = events + $folded,
  watermark = $watermark,
  last_event_at = CASE
    WHEN CAST($last_event_at AS BIGINT) IS NULL THEN last_event_at
    ELSE greatest(coalesce(last_event_at, 0), CAST($last_event_at AS BIGINT))
  END,
  folded_at = $folded_at
WHERE environment_id = $environment_id;
