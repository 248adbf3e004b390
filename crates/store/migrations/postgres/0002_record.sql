-- Management data as records, and the audit.

-- What the server administers: what is in a record is its own affair.
CREATE TABLE record (
    kind     smallint         NOT NULL,
    id       text COLLATE "C" NOT NULL,
    revision bigint           NOT NULL,
    body     bytea            NOT NULL,
    PRIMARY KEY (kind, id)             -- `record`, changes, removal
);

-- What records are found by; `records`.
CREATE TABLE record_key (
    kind      smallint         NOT NULL,
    name      smallint         NOT NULL,
    value     bytea            NOT NULL,
    id        text COLLATE "C" NOT NULL,
    is_unique smallint         NOT NULL,
    PRIMARY KEY (kind, name, value, id)
);

-- A unique key is one record's.
CREATE UNIQUE INDEX record_key_unique ON record_key (kind, name, value) WHERE is_unique = 1;

-- Removal with the record.
CREATE INDEX record_key_by_record ON record_key (kind, id);

-- Who did what. Never changed; each hash holds all before it.
CREATE TABLE audit (
    number    bigint           NOT NULL PRIMARY KEY,
    time      bigint           NOT NULL,
    actor     text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    target    text COLLATE "C" NOT NULL,
    content   bytea            NOT NULL,
    hash      bytea            NOT NULL
);

-- `audit` of one actor.
CREATE INDEX audit_by_actor ON audit (actor, number);

-- `audit` of one target.
CREATE INDEX audit_by_target ON audit (target, number);
