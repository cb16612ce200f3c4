-- What tables of version 2 lack: which phase an exposure was of.
ALTER TABLE event ADD COLUMN IF NOT EXISTS phase BIGINT DEFAULT 0;
ALTER TABLE exposure ADD COLUMN IF NOT EXISTS phase BIGINT DEFAULT 0;
ALTER TABLE phase ADD COLUMN IF NOT EXISTS number BIGINT DEFAULT 0;

-- And the digests by which folds find rows.
ALTER TABLE link ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE membership ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE exposure ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE seen ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE cell ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE cell_row ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE unit ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE unit_value ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE unit_block ADD COLUMN IF NOT EXISTS subject UUID;
ALTER TABLE link ADD COLUMN IF NOT EXISTS owner UUID;
ALTER TABLE membership ADD COLUMN IF NOT EXISTS owner UUID;

UPDATE link SET
  subject = subject_of(environment_id, 'anonymous', anonymous_id),
  owner = subject_of(environment_id, 'user', user_id);
UPDATE membership SET
  subject = subject_of(environment_id, 'user', user_id),
  owner = subject_of(environment_id, 'account', account_id);
UPDATE exposure SET subject = subject_of(environment_id, kind, id);
UPDATE seen SET subject = subject_of(environment_id, kind, id);
UPDATE cell SET subject = subject_of(environment_id, kind, id);
UPDATE cell_row SET subject = subject_of(environment_id, kind, id);
UPDATE unit
SET subject = subject_of(phase.environment_id, unit.kind, unit.id)
FROM phase
WHERE phase.phase_id = unit.phase_id;
UPDATE unit_value
SET subject = subject_of(phase.environment_id, unit_value.kind, unit_value.id)
FROM phase
WHERE phase.phase_id = unit_value.phase_id;
UPDATE unit_block
SET subject = subject_of(phase.environment_id, unit_block.kind, unit_block.id)
FROM phase
WHERE phase.phase_id = unit_block.phase_id;

-- It becomes the beginning of `exposure_named`.
DROP INDEX IF EXISTS exposure_in;

-- The digests take the place of these.
DROP INDEX IF EXISTS link_of;
DROP INDEX IF EXISTS link_to;
DROP INDEX IF EXISTS membership_of;
DROP INDEX IF EXISTS membership_in;
DROP INDEX IF EXISTS exposure_of;
DROP INDEX IF EXISTS cell_of;
DROP INDEX IF EXISTS cell_row_of;
DROP INDEX IF EXISTS seen_of;
DROP INDEX IF EXISTS unit_block_of;

-- Their parts and numbers are put anew when the log is opened.
UPDATE phase SET version = 0;
