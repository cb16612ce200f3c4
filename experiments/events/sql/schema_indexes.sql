-- PostgreSQL finds rows by index; DuckDB prunes by zone map and scans columns.
CREATE UNIQUE INDEX IF NOT EXISTS event_by_position ON event (environment_id, position);
CREATE UNIQUE INDEX IF NOT EXISTS link_subject ON link (subject);
CREATE INDEX IF NOT EXISTS link_owner ON link (owner);
CREATE INDEX IF NOT EXISTS membership_subject ON membership (subject);
CREATE INDEX IF NOT EXISTS membership_owner ON membership (owner);
CREATE INDEX IF NOT EXISTS exposure_subject ON exposure (subject);
CREATE INDEX IF NOT EXISTS exposure_named
  ON exposure (environment_id, experiment_key, phase, occurred_at);
CREATE INDEX IF NOT EXISTS cell_subject ON cell (subject, source_id, day);
CREATE INDEX IF NOT EXISTS cell_row_subject
  ON cell_row (subject, source_id, occurred_at);
CREATE INDEX IF NOT EXISTS exposed_with_of ON exposed_with (environment_id, position);
CREATE INDEX IF NOT EXISTS seen_subject ON seen (subject);
CREATE UNIQUE INDEX IF NOT EXISTS unit_of ON unit (phase_id, kind, id);
CREATE INDEX IF NOT EXISTS unit_subject ON unit (subject);
CREATE INDEX IF NOT EXISTS unit_due ON unit (phase_id, exposed_at);
CREATE UNIQUE INDEX IF NOT EXISTS unit_value_of
  ON unit_value (phase_id, kind, id, metric_id);
CREATE UNIQUE INDEX IF NOT EXISTS unit_value_subject
  ON unit_value (subject, phase_id, metric_id);
CREATE UNIQUE INDEX IF NOT EXISTS unit_block_subject
  ON unit_block (subject, phase_id, metric_id);
CREATE INDEX IF NOT EXISTS level_delta_of ON level_delta (phase_id);
CREATE INDEX IF NOT EXISTS block_delta_of ON block_delta (phase_id);
CREATE INDEX IF NOT EXISTS unit_delta_of ON unit_delta (phase_id);
CREATE INDEX IF NOT EXISTS state_delta_of ON state_delta (phase_id);
