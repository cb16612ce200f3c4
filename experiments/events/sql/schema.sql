-- Everything the log keeps. Instants are UTC milliseconds since 1970 (BIGINT): a window's
-- edge is then one integer on every store, and a UTC day is `x - x % 86400000`.

-- What was sent, in the order in which it was stored.
CREATE TABLE IF NOT EXISTS event (
  position BIGINT NOT NULL,
  environment_id UUID NOT NULL,
  id VARCHAR NOT NULL,
  id_key BIGINT NOT NULL,
  name VARCHAR NOT NULL,
  user_id VARCHAR,
  anonymous_id VARCHAR,
  account_id VARCHAR,
  occurred_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  clock_moved BOOLEAN NOT NULL,
  value DECIMAL(28, 18),
  properties VARCHAR NOT NULL,
  experiment_key VARCHAR,
  variant_key VARCHAR,
  batch_id VARCHAR,
  -- The number of the phase that it names; 0 where it names none.
  phase BIGINT DEFAULT 0
);

-- How much each environment has been sent; written by the appender alone.
CREATE TABLE IF NOT EXISTS stream (
  environment_id UUID PRIMARY KEY,
  position BIGINT NOT NULL,
  events BIGINT NOT NULL,
  appended_at BIGINT NOT NULL
);

-- How far each environment is folded; written by the fold, with what it folded.
CREATE TABLE IF NOT EXISTS progress (
  environment_id UUID PRIMARY KEY,
  position BIGINT NOT NULL,
  events BIGINT NOT NULL,
  watermark BIGINT NOT NULL,
  import_finished_at BIGINT NOT NULL,
  last_event_at BIGINT,
  folded_at BIGINT,
  sighted BOOLEAN DEFAULT FALSE
);

-- The designs of phases, copied from the facts.
CREATE TABLE IF NOT EXISTS phase (
  phase_id UUID PRIMARY KEY,
  environment_id UUID NOT NULL,
  experiment_key VARCHAR NOT NULL,
  unit VARCHAR NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  design VARCHAR NOT NULL,
  version BIGINT NOT NULL,
  rebuild BOOLEAN NOT NULL,
  number BIGINT DEFAULT 0
);
CREATE TABLE IF NOT EXISTS phase_arm (phase_id UUID NOT NULL, arm VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS phase_gap (
  phase_id UUID NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS metric (
  phase_id UUID NOT NULL,
  metric_id UUID NOT NULL,
  kind VARCHAR NOT NULL,
  numerator_id BIGINT NOT NULL,
  denominator_id BIGINT,
  opens_after BIGINT NOT NULL,
  closes_after BIGINT NOT NULL,
  cap BIGINT,
  looks_back BIGINT DEFAULT 0
);
-- What a metric reads event by event: its numerator, then a funnel's later steps.
CREATE TABLE IF NOT EXISTS metric_step (
  phase_id UUID NOT NULL,
  metric_id UUID NOT NULL,
  place BIGINT NOT NULL,
  source_id BIGINT NOT NULL
);
-- A plan's dimensions by their places in it. The strata's combinations are one more,
-- which reads no attribute. Places of a dimension's levels: the listed ones, then those
-- of any other value and of none.
CREATE TABLE IF NOT EXISTS phase_dimension (
  phase_id UUID NOT NULL,
  dimension VARCHAR NOT NULL,
  place INTEGER NOT NULL,
  attribute VARCHAR,
  stratum BOOLEAN NOT NULL,
  other_place BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS phase_level (
  phase_id UUID NOT NULL,
  dimension VARCHAR NOT NULL,
  place BIGINT NOT NULL,
  level VARCHAR NOT NULL
);

-- A stream of values: events of one name, each adding one or its value in steps.
CREATE TABLE IF NOT EXISTS source (
  source_id BIGINT PRIMARY KEY,
  environment_id UUID NOT NULL,
  event_name VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  steps BIGINT NOT NULL,
  filled BOOLEAN NOT NULL,
  property VARCHAR
);
-- What a source asks of its events besides their name; every row of it must hold.
CREATE TABLE IF NOT EXISTS source_filter (
  source_id BIGINT NOT NULL,
  property VARCHAR NOT NULL,
  operator VARCHAR NOT NULL,
  asked VARCHAR NOT NULL
);

-- Who is who: the first user that an anonymous id was seen with, and from when.
-- `subject` is whom it is about, `owner` whose they are, as digests.
CREATE TABLE IF NOT EXISTS link (
  environment_id UUID NOT NULL,
  anonymous_id VARCHAR NOT NULL,
  user_id VARCHAR NOT NULL,
  occurred_at BIGINT NOT NULL,
  event_id VARCHAR NOT NULL,
  subject UUID,
  owner UUID
);
CREATE TABLE IF NOT EXISTS membership (
  environment_id UUID NOT NULL,
  user_id VARCHAR NOT NULL,
  account_id VARCHAR NOT NULL,
  occurred_at BIGINT NOT NULL,
  event_id VARCHAR NOT NULL,
  subject UUID,
  owner UUID
);

-- Events filed under the raw id they came with. A person's event has kind 'anonymous',
-- 'user' (with an account on it) or 'member' (a user without one: the membership in
-- force says whose); an event with an account is filed under 'account' as well. `subject`
-- is a digest of environment, kind and id: what a fold looks for is found by it alone.
CREATE TABLE IF NOT EXISTS exposure (
  environment_id UUID NOT NULL,
  experiment_key VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  arm VARCHAR NOT NULL,
  occurred_at BIGINT NOT NULL,
  event_id VARCHAR NOT NULL,
  position BIGINT NOT NULL,
  phase BIGINT DEFAULT 0,
  subject UUID
);
-- The properties that came with exposures, where there were any.
CREATE TABLE IF NOT EXISTS exposed_with (
  environment_id UUID NOT NULL,
  position BIGINT NOT NULL,
  properties VARCHAR NOT NULL
);
-- When an id was first heard of, by any event; of several rows the earliest holds. Kept
-- from the first phase on whose estimates look back.
CREATE TABLE IF NOT EXISTS seen (
  environment_id UUID NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  first_at BIGINT NOT NULL,
  subject UUID
);
-- The same exposures counted by what they name, known or not.
CREATE TABLE IF NOT EXISTS named (
  environment_id UUID NOT NULL,
  experiment_key VARCHAR NOT NULL,
  arm VARCHAR NOT NULL,
  exposures BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (environment_id, experiment_key, arm)
);
-- A day's count and exact sum; several rows for one day add up.
CREATE TABLE IF NOT EXISTS cell (
  environment_id UUID NOT NULL,
  source_id BIGINT NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  events BIGINT NOT NULL,
  total HUGEINT NOT NULL,
  subject UUID
);
-- The same day's events one by one, for windows that cut it.
CREATE TABLE IF NOT EXISTS cell_row (
  environment_id UUID NOT NULL,
  source_id BIGINT NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  occurred_at BIGINT NOT NULL,
  event_id VARCHAR NOT NULL,
  steps BIGINT NOT NULL,
  subject UUID
);

-- The randomised units of a phase, by the id that was hashed.
CREATE TABLE IF NOT EXISTS unit (
  phase_id UUID NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  arm VARCHAR NOT NULL,
  exposed_at BIGINT NOT NULL,
  event_id VARCHAR NOT NULL,
  in_gap BOOLEAN NOT NULL,
  linked BOOLEAN NOT NULL,
  conflicted BOOLEAN NOT NULL,
  joined BOOLEAN NOT NULL,
  levels VARCHAR DEFAULT '',
  subject UUID
);
-- The values of matured units, as they stand in the sums.
CREATE TABLE IF NOT EXISTS unit_value (
  phase_id UUID NOT NULL,
  metric_id UUID NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  arm VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  y BIGINT NOT NULL,
  d BIGINT NOT NULL,
  capped_y BIGINT NOT NULL,
  refused BOOLEAN NOT NULL,
  levels VARCHAR DEFAULT '',
  x BIGINT DEFAULT 0,
  capped_x BIGINT DEFAULT 0,
  w BIGINT DEFAULT 0,
  m BIGINT DEFAULT 0,
  subject UUID
);
-- The block of a unit's first event, for metrics of time; matured or not.
CREATE TABLE IF NOT EXISTS unit_block (
  phase_id UUID NOT NULL,
  metric_id UUID NOT NULL,
  kind VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  arm VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  block BIGINT NOT NULL,
  subject UUID
);

-- The state: differences that add up to it, appended by folds, compacted when idle.
CREATE TABLE IF NOT EXISTS unit_delta (
  phase_id UUID NOT NULL,
  arm VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  exposed BIGINT NOT NULL,
  in_gap BIGINT NOT NULL,
  conflicted BIGINT NOT NULL,
  linked BIGINT NOT NULL,
  joined BIGINT NOT NULL
);
-- How often what the state says of a phase changed: nothing else has to be read to see
-- that it did not.
CREATE TABLE IF NOT EXISTS moved (phase_id UUID PRIMARY KEY, times BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS level_delta (
  phase_id UUID NOT NULL,
  arm VARCHAR NOT NULL,
  dimension VARCHAR NOT NULL,
  level VARCHAR NOT NULL,
  units BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS block_delta (
  phase_id UUID NOT NULL,
  metric_id UUID NOT NULL,
  arm VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  block BIGINT NOT NULL,
  units BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS state_delta (
  phase_id UUID NOT NULL,
  arm VARCHAR NOT NULL,
  metric_id UUID NOT NULL,
  dimension VARCHAR NOT NULL,
  level VARCHAR NOT NULL,
  day BIGINT NOT NULL,
  n BIGINT NOT NULL,
  y HUGEINT NOT NULL,
  yy HUGEINT NOT NULL,
  d HUGEINT NOT NULL,
  dd HUGEINT NOT NULL,
  yd HUGEINT NOT NULL,
  capped_y HUGEINT NOT NULL,
  capped_yy HUGEINT NOT NULL,
  capped_yd HUGEINT NOT NULL,
  nonzero BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  x HUGEINT DEFAULT 0,
  xx HUGEINT DEFAULT 0,
  yx HUGEINT DEFAULT 0,
  dx HUGEINT DEFAULT 0,
  w HUGEINT DEFAULT 0,
  ww HUGEINT DEFAULT 0,
  yw HUGEINT DEFAULT 0,
  dw HUGEINT DEFAULT 0,
  xw HUGEINT DEFAULT 0,
  m HUGEINT DEFAULT 0,
  ym HUGEINT DEFAULT 0,
  dm HUGEINT DEFAULT 0,
  capped_yx HUGEINT DEFAULT 0,
  capped_yw HUGEINT DEFAULT 0,
  capped_ym HUGEINT DEFAULT 0
);
