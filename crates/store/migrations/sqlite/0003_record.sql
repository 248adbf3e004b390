-- Management data as records, and the audit.

-- What the server administers: what is in a record is its own affair.
CREATE TABLE record (
    kind     INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    body     BLOB    NOT NULL
) STRICT;

-- `record`, changes, removal.
CREATE UNIQUE INDEX record_by_id ON record (kind, id);

-- What records are found by; `records`.
CREATE TABLE record_key (
    kind      INTEGER NOT NULL,
    name      INTEGER NOT NULL,
    value     BLOB    NOT NULL,
    id        TEXT    NOT NULL,
    is_unique INTEGER NOT NULL,
    PRIMARY KEY (kind, name, value, id)
) STRICT, WITHOUT ROWID;

-- A unique key is one record's.
CREATE UNIQUE INDEX record_key_unique ON record_key (kind, name, value) WHERE is_unique = 1;

-- Removal with the record.
CREATE INDEX record_key_by_record ON record_key (kind, id);

-- Who did what. Never changed; each hash holds all before it.
CREATE TABLE audit (
    number    INTEGER NOT NULL PRIMARY KEY,
    time      INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    operation TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    content   BLOB    NOT NULL,
    hash      BLOB    NOT NULL
) STRICT;

-- `audit` of one actor.
CREATE INDEX audit_by_actor ON audit (actor, number);

-- `audit` of one target.
CREATE INDEX audit_by_target ON audit (target, number);
