create schema projecting;
comment on schema projecting is
  'The state of the projections: checkpoints, parked and skipped events, rebuilds and processes.';

create table projecting.checkpoints (
  projection text        not null primary key,
  version    integer     not null,
  position   numeric(20) not null default 0,
  epoch      integer     not null default 0,
  state      text        not null default 'running' check (state in ('running', 'paused')),
  moved_at   timestamptz not null default now(),
  tables     text[],
  mark       event_log.mark
);
comment on table projecting.checkpoints is
  'The checkpoint of each projection. A worker locks the row while it advances the checkpoint.';
comment on column projecting.checkpoints.version is
  'version of the projection whose tables are installed; a process that needs another version requests a rebuild';
comment on column projecting.checkpoints.position is 'the read model contains all events up to this position';
comment on column projecting.checkpoints.epoch is 'raised by each change that a running worker must notice';
comment on column projecting.checkpoints.tables is
  'tables of the installed version; a rebuild to another version replaces all of them';
comment on column projecting.checkpoints.mark is
  'the event at the position, or the last event before it; null: not known';

create table projecting.parked (
  projection     text        not null references projecting.checkpoints on delete cascade,
  partition           uuid        not null,
  outside        boolean     not null,
  aggregate      text        not null,
  position       numeric(20) not null,
  event_type     text        not null,
  error          text        not null,
  attempts       integer     not null default 1,
  parked_at      timestamptz not null default now(),
  kind           text        not null default 'refused' check (kind in ('refused', 'newer-release')),
  schema_version integer     not null default 1,
  primary key (projection, partition)
);
comment on table projecting.parked is
  'Parked partitions, each with the event that the projection could not process. The partition (a tenant, or a user
  outside of all tenants) is no longer updated in this projection; all other partitions continue.';
comment on column projecting.parked.outside is 'true: the partition is the stream of a user, outside of all tenants';
comment on column projecting.parked.kind is
  'refused: the handler failed, and an operator must continue; newer-release: this release does not know the event yet,
  and a worker retries by itself';

create table projecting.skipped (
  projection text        not null references projecting.checkpoints on delete cascade,
  event_id   uuid        not null,
  partition       uuid        not null,
  event_type text        not null,
  position   numeric(20) not null,
  error      text        not null,
  skipped_by text        not null,
  skipped_at timestamptz not null default now(),
  primary key (projection, event_id)
);
comment on table projecting.skipped is
  'Events that an operator has skipped. The projection never processes them, not even in a rebuild.';
comment on column projecting.skipped.error is 'the error for which the event was parked';
comment on column projecting.skipped.skipped_by is 'the operator''s user name on the machine';

create table projecting.event_types (
  type           text        not null,
  schema_version integer     not null,
  first_seen_at  timestamptz not null default now(),
  primary key (type, schema_version)
);
comment on table projecting.event_types is
  'Every event type and schema version that any release could write on this database. A release that does not know one
  of them reports it at its start, without reading the log.';

create table projecting.rebuilds (
  id           uuid        not null primary key,
  projection   text        not null references projecting.checkpoints on delete cascade,
  state        text        not null default 'requested'
    constraint rebuilds_state_check check (state in ('requested', 'loading', 'catching-up', 'failed', 'done', 'superseded')),
  position     numeric(20) not null default 0,
  target       numeric(20) not null default 0,
  events       bigint      not null default 0,
  error        text,
  requested_at timestamptz not null default now(),
  started_at   timestamptz,
  finished_at  timestamptz,
  version      integer     not null,
  downgrade    boolean     not null default false,
  attempt      integer     not null default 0,
  failures     integer     not null default 0,
  next_attempt_at timestamptz not null default now(),
  parts         jsonb,
  parts_attempt integer
);
comment on table projecting.rebuilds is
  'Rebuilds of read models, open and ended. A failed rebuild is open, because it is tried again.';
comment on column projecting.rebuilds.version is
  'requested version; only a worker whose release has this version runs the rebuild';
comment on column projecting.rebuilds.downgrade is 'true: the requested version may replace a higher one';
comment on column projecting.rebuilds.attempt is 'fencing token, raised by each worker that begins an attempt';
comment on column projecting.rebuilds.parts is
  'the parts of the tables that the schema file of the requested version creates';
comment on column projecting.rebuilds.parts_attempt is 'the attempt that wrote `parts`';
create unique index rebuilds_open_idx on projecting.rebuilds (projection, version)
  where state in ('requested', 'loading', 'catching-up', 'failed');

create table projecting.processes (
  process_id uuid        not null primary key,
  role       text        not null,
  versions   jsonb       not null,
  beats      bigint      not null default 0,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now()
);
comment on table projecting.processes is
  'The running processes of the product, with the versions of their projections.';
comment on column projecting.processes.beats is
  'a counter that grows while the process lives; it does not depend on a clock';

create table projecting.installed_parts (
  projection text  not null primary key references projecting.checkpoints,
  parts      jsonb not null
);
comment on table projecting.installed_parts is
  'The parts of the tables that the schema file of the installed version created. All other parts were added by
  operators.';

grant usage on schema projecting to {{app}}, {{projector}}, {{operator}};
grant select on projecting.checkpoints to {{app}};
grant select, insert, update, delete on projecting.checkpoints, projecting.parked, projecting.rebuilds,
  projecting.processes to {{projector}};
grant select, insert, delete on projecting.skipped to {{projector}};
grant select, insert on projecting.event_types, projecting.installed_parts to {{projector}};
grant select on projecting.checkpoints, projecting.parked, projecting.rebuilds, projecting.processes,
  projecting.skipped, projecting.event_types to {{operator}};
