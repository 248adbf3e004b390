-- Nodes and their leases, flows of processes, and retention by flow and environment.

-- Servers that use the store. A store in one file has one at a time.
CREATE TABLE node (
    id          INTEGER NOT NULL PRIMARY KEY,
    lives_until INTEGER NOT NULL       -- milliseconds since 1970
) STRICT;

-- Who may step the processes of a partition. The epoch rises with each taking.
CREATE TABLE partition_lease (
    partition INTEGER NOT NULL PRIMARY KEY,
    node      INTEGER,
    epoch     INTEGER NOT NULL
) STRICT;

WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 255)
INSERT INTO partition_lease (partition, node, epoch) SELECT n, NULL, 0 FROM number;

-- Key of the flow that a process belongs to; 0: none.
ALTER TABLE process ADD COLUMN workflow INTEGER NOT NULL DEFAULT 0;

UPDATE process SET workflow = coalesce((SELECT run.workflow FROM run WHERE run.id = process.id),
    (SELECT workflow.key FROM workflow WHERE workflow.trigger_process = process.id), 0);

-- `due`: each flow's share when more is due than is read.
CREATE INDEX process_by_workflow ON process (workflow, due) WHERE due IS NOT NULL;

-- How long histories are kept, where that was said.
CREATE TABLE retention (
    environment TEXT    NOT NULL,
    workflow    INTEGER NOT NULL,      -- 0: all of the environment that have no row
    seconds     INTEGER NOT NULL,
    PRIMARY KEY (environment, workflow)
) STRICT, WITHOUT ROWID;
