create schema projecting;
comment on schema projecting is 'What the projection engine keeps about each projection. None of it belongs to a tenant.';

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
  'How far each projection is. The row is also the lock of the worker that moves it.';
comment on column projecting.checkpoints.version is
  'of the projection''s code that made the tables; another wanted version asks for a rebuild';
comment on column projecting.checkpoints.position is 'everything up to here is in the read model';
comment on column projecting.checkpoints.epoch is 'raised by each change that a running worker must notice';
comment on column projecting.checkpoints.tables is 'of the installed version. A later version replaces all of them';
comment on column projecting.checkpoints.mark is 'the event at the position, or the last one before it. Null: not known';

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
  'Events that a handler refused. The partition (a tenant, or a user outside tenants) stands still from there on for this
  projection; all other partitions go on.';
comment on column projecting.parked.outside is 'the partition is a user''s stream';
comment on column projecting.parked.kind is 'newer-release: the worker does not know the event yet, and retries by itself';

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
  'Events that an operator has skipped: every later fold leaves them out, also in a rebuild.';
comment on column projecting.skipped.error is 'why it was parked before it was skipped';
comment on column projecting.skipped.skipped_by is 'the operator''s account on the machine';

create table projecting.event_types (
  type           text        not null,
  schema_version integer     not null,
  first_seen_at  timestamptz not null default now(),
  primary key (type, schema_version)
);
comment on table projecting.event_types is
  'Every event type and schema version that a release has been able to write, so that a release that does not know one
  can say so at its start without reading the log.';

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
  'Rebuilds of read models, past and open. A rebuild that failed is open: it is tried again.';
comment on column projecting.rebuilds.version is 'the wanted version; only a worker with this version of the code serves it';
comment on column projecting.rebuilds.downgrade is 'the wanted version may replace a higher one';
comment on column projecting.rebuilds.attempt is 'fencing token, raised by each worker that takes the rebuild';
comment on column projecting.rebuilds.parts is 'what the schema file of the wanted version makes';
comment on column projecting.rebuilds.parts_attempt is 'the attempt that wrote the parts';
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
comment on table projecting.processes is 'Each running process of the product, with the versions of its projections.';
comment on column projecting.processes.beats is 'counts while the process lives, whatever its clock says';

create table projecting.installed_parts (
  projection text  not null primary key references projecting.checkpoints,
  parts      jsonb not null
);
comment on table projecting.installed_parts is
  'What the schema file of the installed version made, to tell it apart from what operators added to the tables.';

grant usage on schema projecting to {{app}}, {{projector}}, {{operator}};
grant select on projecting.checkpoints to {{app}};
grant select, insert, update, delete on projecting.checkpoints, projecting.parked, projecting.rebuilds,
  projecting.processes to {{projector}};
grant select, insert, delete on projecting.skipped to {{projector}};
grant select, insert on projecting.event_types, projecting.installed_parts to {{projector}};
grant select on projecting.checkpoints, projecting.parked, projecting.rebuilds, projecting.processes,
  projecting.skipped, projecting.event_types to {{operator}};
