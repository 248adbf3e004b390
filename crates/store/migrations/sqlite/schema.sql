-- Generated: the schema after every migration. `UPDATE_GOLDEN=1 cargo test -p sluicegate-store` writes it.

CREATE TABLE audit (
    number    INTEGER NOT NULL PRIMARY KEY,
    time      INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    operation TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    content   BLOB    NOT NULL,
    hash      BLOB    NOT NULL
) STRICT;

CREATE INDEX audit_by_actor ON audit (actor, number);

CREATE INDEX audit_by_target ON audit (target, number);

CREATE TABLE chunk (
    process   BLOB    NOT NULL,
    first_seq INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    content   BLOB    NOT NULL         -- encoded and compressed
) STRICT;

CREATE UNIQUE INDEX chunk_by_process ON chunk (process, first_seq);

CREATE TABLE effect (
    process BLOB    NOT NULL,
    id      INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (process, id)          -- `effects`, `unsettled`, removal
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    target BLOB    NOT NULL,
    sender BLOB    NOT NULL,           -- empty: from outside
    effect INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    body   BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX inbox_by_target ON inbox (target, sender, effect, kind);

CREATE TABLE node (
    id          INTEGER NOT NULL PRIMARY KEY,
    lives_until INTEGER NOT NULL       -- milliseconds since 1970
) STRICT;

CREATE TABLE partition_lease (
    partition INTEGER NOT NULL PRIMARY KEY,
    node      INTEGER,
    epoch     INTEGER NOT NULL
) STRICT;

CREATE TABLE payload (
    hash    BLOB NOT NULL,             -- SHA-256 of the content
    content BLOB NOT NULL              -- compressed
) STRICT;

CREATE UNIQUE INDEX payload_by_hash ON payload (hash);

CREATE TABLE payload_ref (
    process BLOB NOT NULL,
    hash    BLOB NOT NULL,
    PRIMARY KEY (process, hash)        -- removal with the process
) STRICT, WITHOUT ROWID;

CREATE INDEX payload_ref_by_hash ON payload_ref (hash);

CREATE TABLE process (
    id   BLOB    NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,
    seq  INTEGER NOT NULL,             -- number of the last event
    due  INTEGER                       -- ticks of the next wakeup
, workflow INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

CREATE INDEX process_by_due ON process (due) WHERE due IS NOT NULL;

CREATE INDEX process_by_other_kind ON process (kind, id) WHERE kind <> 1;

CREATE INDEX process_by_workflow ON process (workflow, due) WHERE due IS NOT NULL;

CREATE TABLE record (
    kind     INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    body     BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX record_by_id ON record (kind, id);

CREATE TABLE record_key (
    kind      INTEGER NOT NULL,
    name      INTEGER NOT NULL,
    value     BLOB    NOT NULL,
    id        TEXT    NOT NULL,
    is_unique INTEGER NOT NULL,
    PRIMARY KEY (kind, name, value, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_key_by_record ON record_key (kind, id);

CREATE UNIQUE INDEX record_key_unique ON record_key (kind, name, value) WHERE is_unique = 1;

CREATE TABLE retention (
    environment TEXT    NOT NULL,
    workflow    INTEGER NOT NULL,      -- 0: all of the environment that have no row
    seconds     INTEGER NOT NULL,
    PRIMARY KEY (environment, workflow)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX run_by_failure ON run (ended, id) WHERE status IN (2, 4);

CREATE INDEX run_by_status ON run (workflow, status, id);

CREATE INDEX run_by_workflow ON run (workflow, id);

CREATE TABLE schema_version (
    number  INTEGER NOT NULL PRIMARY KEY,
    name    TEXT    NOT NULL,
    sha256  TEXT    NOT NULL,
    applied TEXT    NOT NULL
) STRICT;

CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot (
    process BLOB    NOT NULL,
    seq     INTEGER NOT NULL,          -- number of the last event in it
    content BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX snapshot_by_process ON snapshot (process);

CREATE TABLE start_key (
    source  BLOB NOT NULL,
    key     BLOB NOT NULL,
    process BLOB NOT NULL,
    PRIMARY KEY (source, key)          -- the guard of a new process
) STRICT, WITHOUT ROWID;

CREATE INDEX start_key_by_process ON start_key (process);

CREATE TABLE token (
    name    TEXT    NOT NULL PRIMARY KEY,
    hash    BLOB    NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE UNIQUE INDEX workflow_by_environment ON workflow (environment, name);

CREATE UNIQUE INDEX workflow_by_id ON workflow (id);

CREATE INDEX workflow_by_name ON workflow (name, environment);

CREATE TABLE workflow_version (
    workflow INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    document BLOB    NOT NULL          -- compressed
) STRICT;

CREATE UNIQUE INDEX workflow_version_by_workflow ON workflow_version (workflow, number);
