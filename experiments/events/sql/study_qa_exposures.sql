-- Exposures to one experiment by the variant that they name, folded or not.
SELECT
  variant_key, count(*),
  count(DISTINCT coalesce(user_id, anonymous_id, account_id)),
  min(occurred_at), max(occurred_at)
FROM event
WHERE environment_id = $environment_id
  AND name = '$exposure'
  AND experiment_key = $experiment_key
GROUP BY variant_key
ORDER BY count(*) DESC, variant_key
LIMIT $limit;
