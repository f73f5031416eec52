create schema event_log;
comment on schema event_log is
  'The event log: one table with one row for each event. The order of positions is the order of commits, because
  positions are assigned under an advisory lock that is held until the commit. So a reader that reads the positions
  after its checkpoint cannot miss an event that is still being written.';

create sequence event_log.positions as bigint cache 1;
comment on sequence event_log.positions is
  'A sequence and not max(position) + 1, because the positions of an erased tenant must never be used again.';

create table event_log.events (
  position       bigint      not null,
  recorded_at    timestamptz not null,
  command_id     uuid        not null,
  aggregate_id   uuid        not null,
  tenant_id      uuid,
  actor_id       uuid,
  causation_id   uuid,
  access_id      uuid,
  version        integer     not null,
  ordinal        smallint    not null,
  schema_version smallint    not null,
  actor_kind     "char"      not null,
  aggregate      text        not null,
  type           text        not null,
  correlation_id text,
  data           json        not null,
  constraint events_pkey primary key (position) with (fillfactor = 100),
  constraint events_stream_key unique (aggregate_id, aggregate, version)
);
comment on table event_log.events is 'Every event, in the order of its position.';
comment on column event_log.events.tenant_id is 'null: the stream is outside of all tenants (users, operators)';
comment on column event_log.events.actor_id is 'only with actor_kind ''u'' and ''o''';
comment on column event_log.events.causation_id is 'null: equal to the command id';
comment on column event_log.events.access_id is
  'the access record: which credential sent the command, and from where; null: not known';
comment on column event_log.events.version is '1 for the first event of the stream';
comment on column event_log.events.ordinal is
  'number of the event in its append, from 0; the event id is uuidv5(command_id, ordinal)';
comment on column event_log.events.actor_kind is 'u (user), o (operator), s (Stripe), y (system)';
comment on column event_log.events.correlation_id is 'null: equal to the command id';
comment on column event_log.events.data is
  'json and not jsonb: it is written once and always read as a whole, and jsonb is larger and must be converted on each
  read';

-- Makes event ids unique. They derive from command id and ordinal, and all events of an append are written together, so
-- an index on the first event of each append is enough. Command ids are UUIDv7, so the index grows at its right edge;
-- event ids are random, so each of them would cost a full-page image.
create unique index events_command_key on event_log.events (command_id) with (fillfactor = 100) where ordinal = 0;

-- For reading the events of one tenant in the order of positions. The second column is a bucket of 65,536 positions:
-- rows of the same tenant and bucket have equal keys and share an index entry (deduplication), which takes about 9
-- bytes for each event instead of 45. An incremental sort orders the rows of a bucket.
create index events_tenant_idx on event_log.events (tenant_id, (position >> 16)) where tenant_id is not null;

create table event_log.snapshots (
  tenant_id    uuid,
  aggregate_id uuid     not null,
  aggregate    text     not null,
  fold_version integer  not null,
  version      integer  not null,
  state        json     not null,
  command_id   uuid,
  primary key (aggregate_id, aggregate)
);
comment on table event_log.snapshots is
  'Snapshots: the states of long streams. If a row is missing or has another fold version, the whole stream is read.';
comment on column event_log.snapshots.command_id is
  'command of the last event in the state: it identifies the event, because after a restore another event may have the
  same version';

create table event_log.erased_tenants (
  tenant_id uuid        not null primary key,
  erased_at timestamptz not null default now()
);
comment on table event_log.erased_tenants is
  'The ids of erased tenants. They are kept for ever, and nothing else is kept of these tenants.';

create table event_log.identity (
  only_row       boolean     not null primary key default true check (only_row),
  log_id         uuid        not null default gen_random_uuid(),
  epoch          integer     not null default 1,
  epoch_began_at timestamptz not null default now()
);
comment on table event_log.identity is
  'The id of this log, and its epoch, which is raised after each restore of an older copy. Every mark of the log
  (checkpoints, snapshots, states in memory) contains the id of the log and of one of its events, so that a mark from
  before a restore is recognised.';
insert into event_log.identity default values;

create type event_log.mark as (
  log_id     uuid,
  position   numeric,
  event_id   uuid,
  command_id uuid,
  tenant_id  uuid
);
comment on type event_log.mark is 'Identifies an event and its log.';
comment on column event_log.mark.tenant_id is
  'tenant of the event: if the event is missing, the erasure of this tenant may be the reason';

create type event_log.append_outcome as (
  ord           integer,
  outcome       "char",
  version       integer,
  last_position bigint,
  recorded_at   bigint
);
comment on type event_log.append_outcome is 'The answer to one append of a batch.';
comment on column event_log.append_outcome.ord is 'number of the append in the batch, from 1';
comment on column event_log.append_outcome.outcome is 'a(ppended), r(epeated), c(onflict)';
comment on column event_log.append_outcome.version is
  'version of the stream: after the append, or the present one if there was a conflict';
comment on column event_log.append_outcome.recorded_at is 'ms since 1970; valid only if the append was written now';

alter table event_log.events enable row level security;
alter table event_log.events force row level security;
alter table event_log.snapshots enable row level security;
alter table event_log.snapshots force row level security;
alter table event_log.erased_tenants enable row level security;
alter table event_log.erased_tenants force row level security;

grant usage on schema event_log to {{app}}, {{log}}, {{projector}}, {{operator}};

-- The role of the log appends and reads events. Only the owner can change or delete them.
grant select, insert on event_log.events to {{log}};
grant usage on sequence event_log.positions to {{log}};
grant select on sequence event_log.positions to {{log}}, {{projector}}, {{operator}};
grant select, insert, update, delete on event_log.snapshots to {{log}};
grant select on event_log.erased_tenants to {{log}}, {{operator}};
grant select on event_log.identity to {{log}}, {{projector}}, {{operator}};
grant select on event_log.events to {{app}}, {{projector}}, {{operator}};

-- Refuses an event of an erased tenant in every statement that writes it. The check is one look-up in a small index.
create policy log_writes on event_log.events to {{log}} using (true)
  with check (tenant_id is null
    or not exists (select from event_log.erased_tenants e where e.tenant_id = events.tenant_id));
create policy log_snapshots on event_log.snapshots to {{log}} using (true) with check (true);
create policy projector_reads on event_log.events for select to {{projector}} using (true);
create policy operator_reads on event_log.events for select to {{operator}} using (true);
create policy tenant_reads on event_log.events for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy log_reads on event_log.erased_tenants for select to {{log}} using (true);
create policy operator_reads on event_log.erased_tenants for select to {{operator}} using (true);

-- Forced row-level security applies to the owner, too, but the functions that run as the owner need to see the rows.
create policy owner_erases on event_log.events to current_user using (true);
create policy owner_erases on event_log.snapshots to current_user using (true);
create policy owner_all on event_log.erased_tenants to current_user using (true) with check (true);
