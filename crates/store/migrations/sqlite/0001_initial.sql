-- The first schema.
--
-- Ids of processes are 14 bytes: start in ticks, partition, number; they sort by
-- time. A store belongs to one node, which holds every partition, so that no table
-- repeats the partition that is in the id. Ticks are 100 ns since 0001-01-01.
--
-- Tables with large values are rowid tables: a value of some KiB then lies in the
-- leaf page instead of in overflow pages of its own.

-- Processes that have not ended.
CREATE TABLE process (
    id   BLOB    NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,
    seq  INTEGER NOT NULL,             -- number of the last event
    due  INTEGER                       -- ticks of the next wakeup
) STRICT, WITHOUT ROWID;

-- `due`: what is due before a moment, the earliest first.
CREATE INDEX process_by_due ON process (due) WHERE due IS NOT NULL;

-- `live` of the kinds that are few among many runs (kind 1).
CREATE INDEX process_by_other_kind ON process (kind, id) WHERE kind <> 1;

-- Events, as they were committed together. Not changed, only removed.
CREATE TABLE chunk (
    process   BLOB    NOT NULL,
    first_seq INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    content   BLOB    NOT NULL         -- encoded and compressed
) STRICT;

-- `load`, `history`, removal; and no two chunks begin with the same event.
CREATE UNIQUE INDEX chunk_by_process ON chunk (process, first_seq);

-- The newest whole state of a live process.
CREATE TABLE snapshot (
    process BLOB    NOT NULL,
    seq     INTEGER NOT NULL,          -- number of the last event in it
    content BLOB    NOT NULL
) STRICT;

-- `load`, replacement, removal.
CREATE UNIQUE INDEX snapshot_by_process ON snapshot (process);

-- Messages that wait for a live process. Row numbers rise and are never reused.
CREATE TABLE inbox (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    target BLOB    NOT NULL,
    sender BLOB    NOT NULL,           -- empty: from outside
    effect INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    body   BLOB    NOT NULL
) STRICT;

-- A message takes effect once; `inbox`, `unsettled`, removal with the process.
CREATE UNIQUE INDEX inbox_by_target ON inbox (target, sender, effect, kind);

-- Effects of live processes that are intended and have no result.
CREATE TABLE effect (
    process BLOB    NOT NULL,
    id      INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (process, id)          -- `effects`, `unsettled`, removal
) STRICT, WITHOUT ROWID;

-- Starts that happen once.
CREATE TABLE start_key (
    source  BLOB NOT NULL,
    key     BLOB NOT NULL,
    process BLOB NOT NULL,
    PRIMARY KEY (source, key)          -- the guard of a new process
) STRICT, WITHOUT ROWID;

-- Removal with the process.
CREATE INDEX start_key_by_process ON start_key (process);

-- Large values, each stored once.
CREATE TABLE payload (
    hash    BLOB NOT NULL,             -- SHA-256 of the content
    content BLOB NOT NULL              -- compressed
) STRICT;

-- `payload`; a value is stored once.
CREATE UNIQUE INDEX payload_by_hash ON payload (hash);

-- Which processes refer to a payload.
CREATE TABLE payload_ref (
    process BLOB NOT NULL,
    hash    BLOB NOT NULL,
    PRIMARY KEY (process, hash)        -- removal with the process
) STRICT, WITHOUT ROWID;

-- Whether anything refers to a payload still.
CREATE INDEX payload_ref_by_hash ON payload_ref (hash);

-- Runs as they are listed. The start is in the id.
CREATE TABLE run (
    id                 BLOB    NOT NULL PRIMARY KEY,
    workflow           INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    status             INTEGER NOT NULL,
    ended              INTEGER,
    code               TEXT,
    error              TEXT,
    client_tracking_id TEXT,
    parent             BLOB
) STRICT, WITHOUT ROWID;

-- `runs` of every status, and what retention removes.
CREATE INDEX run_by_workflow ON run (workflow, id);

-- `runs` of one status.
CREATE INDEX run_by_status ON run (workflow, status, id);

-- Flows. Keys are never reused: runs of a removed flow still carry its key.
CREATE TABLE workflow (
    key             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL,
    environment     TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    state           INTEGER NOT NULL,
    dialect         INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    created         INTEGER NOT NULL,
    changed         INTEGER NOT NULL,
    primary_key     BLOB    NOT NULL,  -- sealed
    secondary_key   BLOB    NOT NULL,  -- sealed
    trigger_process BLOB,
    revision        INTEGER NOT NULL
) STRICT;

-- `workflow_by_id`.
CREATE UNIQUE INDEX workflow_by_id ON workflow (id);

-- `workflows` of every environment.
CREATE INDEX workflow_by_name ON workflow (name, environment);

-- `workflow`, `workflows` of one environment.
CREATE UNIQUE INDEX workflow_by_environment ON workflow (environment, name);

-- Versions of flows. Not changed, only removed with the flow.
CREATE TABLE workflow_version (
    workflow INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    document BLOB    NOT NULL          -- compressed
) STRICT;

-- `version`, `versions`, removal.
CREATE UNIQUE INDEX workflow_version_by_workflow ON workflow_version (workflow, number);

-- The server's own values.
CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who may call the API.
CREATE TABLE token (
    name    TEXT    NOT NULL PRIMARY KEY,
    hash    BLOB    NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
