-- Generated: the schema after every migration. `UPDATE_GOLDEN=1 cargo test -p sluicegate-store` writes it.

audit
    number bigint NOT NULL
    time bigint NOT NULL
    actor text COLLATE C NOT NULL
    operation text COLLATE C NOT NULL
    target text COLLATE C NOT NULL
    content bytea NOT NULL
    hash bytea NOT NULL
CREATE INDEX audit_by_actor ON public.audit USING btree (actor, number);
CREATE INDEX audit_by_target ON public.audit USING btree (target, number);
CREATE UNIQUE INDEX audit_pkey ON public.audit USING btree (number);

chunk
    first_seq bigint NOT NULL
    events bigint NOT NULL
    partition smallint NOT NULL
    process bytea NOT NULL
    content bytea NOT NULL
CREATE UNIQUE INDEX chunk_pkey ON public.chunk USING btree (partition, process, first_seq);

effect
    id bigint NOT NULL
    attempt bigint NOT NULL
    partition smallint NOT NULL
    process bytea NOT NULL
CREATE UNIQUE INDEX effect_pkey ON public.effect USING btree (partition, process, id);

inbox
    id bigint NOT NULL counted
    effect bigint NOT NULL
    partition smallint NOT NULL
    kind smallint NOT NULL
    target bytea NOT NULL
    sender bytea NOT NULL
    body bytea NOT NULL
CREATE UNIQUE INDEX inbox_by_target ON public.inbox USING btree (partition, target, sender, effect, kind);
CREATE UNIQUE INDEX inbox_pkey ON public.inbox USING btree (id);

node
    id bigint NOT NULL
    lives_until timestamp with time zone NOT NULL
CREATE UNIQUE INDEX node_pkey ON public.node USING btree (id);

partition_lease
    partition smallint NOT NULL
    node bigint
    epoch bigint NOT NULL
CREATE UNIQUE INDEX partition_lease_pkey ON public.partition_lease USING btree (partition);

payload
    hash bytea NOT NULL
    content bytea NOT NULL
CREATE UNIQUE INDEX payload_pkey ON public.payload USING btree (hash);

payload_ref
    partition smallint NOT NULL
    process bytea NOT NULL
    hash bytea NOT NULL
CREATE INDEX payload_ref_by_hash ON public.payload_ref USING btree (hash);
CREATE UNIQUE INDEX payload_ref_pkey ON public.payload_ref USING btree (partition, process, hash);

process
    seq bigint NOT NULL
    due bigint
    workflow bigint NOT NULL
    partition smallint NOT NULL
    kind smallint NOT NULL
    id bytea NOT NULL
CREATE INDEX process_by_due ON public.process USING btree (due) WHERE (due IS NOT NULL);
CREATE INDEX process_by_other_kind ON public.process USING btree (kind, id) WHERE (kind <> 1);
CREATE INDEX process_by_workflow ON public.process USING btree (workflow, due) WHERE (due IS NOT NULL);
CREATE UNIQUE INDEX process_pkey ON public.process USING btree (partition, id);

record
    kind smallint NOT NULL
    id text COLLATE C NOT NULL
    revision bigint NOT NULL
    body bytea NOT NULL
CREATE UNIQUE INDEX record_pkey ON public.record USING btree (kind, id);

record_key
    kind smallint NOT NULL
    name smallint NOT NULL
    value bytea NOT NULL
    id text COLLATE C NOT NULL
    is_unique smallint NOT NULL
CREATE INDEX record_key_by_record ON public.record_key USING btree (kind, id);
CREATE UNIQUE INDEX record_key_pkey ON public.record_key USING btree (kind, name, value, id);
CREATE UNIQUE INDEX record_key_unique ON public.record_key USING btree (kind, name, value) WHERE (is_unique = 1);

retention
    environment text COLLATE C NOT NULL
    workflow bigint NOT NULL
    seconds bigint NOT NULL
CREATE UNIQUE INDEX retention_pkey ON public.retention USING btree (environment, workflow);

run
    workflow bigint NOT NULL
    version bigint NOT NULL
    ended bigint
    status smallint NOT NULL
    id bytea NOT NULL
    parent bytea
    code text COLLATE C
    error text COLLATE C
    client_tracking_id text COLLATE C
CREATE INDEX run_by_failure ON public.run USING btree (ended, id) WHERE (status = ANY (ARRAY[2, 4]));
CREATE INDEX run_by_status ON public.run USING btree (workflow, status, id);
CREATE INDEX run_by_workflow ON public.run USING btree (workflow, id);
CREATE UNIQUE INDEX run_pkey ON public.run USING btree (id);

schema_version
    number bigint NOT NULL
    name text NOT NULL
    sha256 text NOT NULL
    applied text NOT NULL
CREATE UNIQUE INDEX schema_version_pkey ON public.schema_version USING btree (number);

setting
    name text COLLATE C NOT NULL
    value bytea NOT NULL
CREATE UNIQUE INDEX setting_pkey ON public.setting USING btree (name);

snapshot
    seq bigint NOT NULL
    partition smallint NOT NULL
    process bytea NOT NULL
    content bytea NOT NULL
CREATE UNIQUE INDEX snapshot_pkey ON public.snapshot USING btree (partition, process);

start_key
    source bytea NOT NULL
    key bytea NOT NULL
    process bytea NOT NULL
CREATE INDEX start_key_by_process ON public.start_key USING btree (process);
CREATE UNIQUE INDEX start_key_pkey ON public.start_key USING btree (source, key);

token
    name text COLLATE C NOT NULL
    hash bytea NOT NULL
    created bigint NOT NULL
CREATE UNIQUE INDEX token_hash_key ON public.token USING btree (hash);
CREATE UNIQUE INDEX token_pkey ON public.token USING btree (name);

workflow
    key bigint NOT NULL counted
    id text COLLATE C NOT NULL
    environment text COLLATE C NOT NULL
    name text COLLATE C NOT NULL
    display_name text COLLATE C NOT NULL
    state smallint NOT NULL
    dialect smallint NOT NULL
    version bigint NOT NULL
    created bigint NOT NULL
    changed bigint NOT NULL
    primary_key bytea NOT NULL
    secondary_key bytea NOT NULL
    trigger_process bytea
    revision bigint NOT NULL
CREATE UNIQUE INDEX workflow_by_environment ON public.workflow USING btree (environment, name);
CREATE UNIQUE INDEX workflow_by_id ON public.workflow USING btree (id);
CREATE INDEX workflow_by_name ON public.workflow USING btree (name, environment);
CREATE UNIQUE INDEX workflow_pkey ON public.workflow USING btree (key);

workflow_version
    workflow bigint NOT NULL
    number bigint NOT NULL
    created bigint NOT NULL
    document bytea NOT NULL
CREATE UNIQUE INDEX workflow_version_pkey ON public.workflow_version USING btree (workflow, number);

writer
    id bigint NOT NULL counted
    commits bigint NOT NULL
CREATE UNIQUE INDEX writer_pkey ON public.writer USING btree (id);
