-- PostgreSQL finds rows by index; DuckDB prunes by zone map and scans columns.
CREATE UNIQUE INDEX IF NOT EXISTS event_by_position ON event (environment_id, position);
CREATE UNIQUE INDEX IF NOT EXISTS link_of ON link (environment_id, anonymous_id);
CREATE INDEX IF NOT EXISTS link_to ON link (environment_id, user_id);
CREATE INDEX IF NOT EXISTS membership_of ON membership (environment_id, user_id);
CREATE INDEX IF NOT EXISTS membership_in ON membership (environment_id, account_id);
CREATE INDEX IF NOT EXISTS exposure_of ON exposure (environment_id, kind, id);
CREATE INDEX IF NOT EXISTS exposure_in ON exposure (environment_id, experiment_key);
CREATE INDEX IF NOT EXISTS cell_of ON cell (environment_id, kind, id, source_id, day);
CREATE INDEX IF NOT EXISTS cell_row_of
  ON cell_row (environment_id, kind, id, source_id, occurred_at);
CREATE UNIQUE INDEX IF NOT EXISTS unit_of ON unit (phase_id, kind, id);
CREATE INDEX IF NOT EXISTS unit_due ON unit (phase_id, exposed_at);
CREATE UNIQUE INDEX IF NOT EXISTS unit_value_of
  ON unit_value (phase_id, kind, id, metric_id);
CREATE INDEX IF NOT EXISTS unit_delta_of ON unit_delta (phase_id);
CREATE INDEX IF NOT EXISTS state_delta_of ON state_delta (phase_id);
