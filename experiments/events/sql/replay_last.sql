SELECT max(occurred_at)
FROM event
WHERE environment_id = $environment_id AND position <= $position;
