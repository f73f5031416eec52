create schema event_log;
comment on schema event_log is
  'The event log: one row an event, in one table and one order. The order of positions is the order of commits, because
  positions are drawn under an advisory lock that is held until the commit. A reader that asks for positions after its
  checkpoint can not pass an event that is still being written.';

create sequence event_log.positions as bigint cache 1;
comment on sequence event_log.positions is
  'A sequence and not max(position) + 1: the positions of an erased tenant must never be used again.';

create table event_log.events (
  position       bigint      not null,
  recorded_at    timestamptz not null,
  command_id     uuid        not null,
  aggregate_id   uuid        not null,
  tenant_id      uuid,
  actor_id       uuid,
  causation_id   uuid,
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
comment on column event_log.events.tenant_id is 'null: a stream outside every tenant (users, operators)';
comment on column event_log.events.actor_id is 'only with actor_kind ''u''';
comment on column event_log.events.causation_id is 'null: the command itself';
comment on column event_log.events.version is '1 for the first event of the stream';
comment on column event_log.events.ordinal is 'place in its append; the event id is uuidv5(command_id, ordinal)';
comment on column event_log.events.actor_kind is 'u (user), o (operator), s (Stripe), y (system)';
comment on column event_log.events.correlation_id is 'null: the command id';
comment on column event_log.events.data is
  'json and not jsonb: it is written once and read back whole, and jsonb is larger and must be rendered on each read';

-- Makes event ids unique: they derive from a command id and an ordinal, and the events of an append are written together, so
-- the first event is enough. Command ids are UUIDv7, so the index grows at its right edge; the derived ids are random and
-- would cost a full-page image each.
create unique index events_command_key on event_log.events (command_id) with (fillfactor = 100) where ordinal = 0;

-- A tenant's history in position order. The second column is coarse on purpose: rows of one tenant and one bucket share an
-- index entry (deduplication needs equal keys), about 9 bytes an event instead of 45; an incremental sort puts the rows of
-- a bucket in order.
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
  'Folded states of long streams. A row that is missing, or of another fold version, only costs a longer read.';
comment on column event_log.snapshots.command_id is
  'of the last event that was folded: it names the event, which a version alone does not';

create table event_log.erased_tenants (
  tenant_id uuid        not null primary key,
  erased_at timestamptz not null default now()
);
comment on table event_log.erased_tenants is 'Erased tenants, for ever: an id, and nothing that it could lead to.';

create table event_log.identity (
  only_row       boolean     not null primary key default true check (only_row),
  log_id         uuid        not null default gen_random_uuid(),
  epoch          integer     not null default 1,
  epoch_began_at timestamptz not null default now()
);
comment on table event_log.identity is
  'Which log this is, and how often it went back to an older copy. Every mark of the log (checkpoints, snapshots, states
  in memory) names the log and an event of it, so that a mark of another history is recognised.';
insert into event_log.identity default values;

create type event_log.mark as (
  log_id     uuid,
  position   numeric,
  event_id   uuid,
  command_id uuid,
  tenant_id  uuid
);
comment on type event_log.mark is 'Names an event and its log.';
comment on column event_log.mark.tenant_id is 'the tenant whose erasure may have removed the event';

create type event_log.append_outcome as (
  ord           integer,
  outcome       "char",
  version       integer,
  last_position bigint,
  recorded_at   bigint
);
comment on type event_log.append_outcome is 'The answer to one append of a batch.';
comment on column event_log.append_outcome.ord is 'place of the append in the batch, from 1';
comment on column event_log.append_outcome.outcome is 'a(ppended), r(epeated), c(onflict)';
comment on column event_log.append_outcome.version is 'after the append; the stream''s version after a conflict';
comment on column event_log.append_outcome.recorded_at is 'ms since 1970, of an append that was written now';

alter table event_log.events enable row level security;
alter table event_log.events force row level security;
alter table event_log.snapshots enable row level security;
alter table event_log.snapshots force row level security;
alter table event_log.erased_tenants enable row level security;
alter table event_log.erased_tenants force row level security;

grant usage on schema event_log to {{app}}, {{log}}, {{projector}}, {{operator}};

-- The log's own role appends and reads. Only the owner changes or deletes an event.
grant select, insert on event_log.events to {{log}};
grant usage on sequence event_log.positions to {{log}};
grant select on sequence event_log.positions to {{log}}, {{projector}}, {{operator}};
grant select, insert, update, delete on event_log.snapshots to {{log}};
grant select on event_log.erased_tenants to {{log}}, {{operator}};
grant select on event_log.identity to {{log}}, {{projector}}, {{operator}};
grant select on event_log.events to {{app}}, {{projector}}, {{operator}};

-- An event of an erased tenant is refused, whatever statement writes it, by one look into a small index.
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

-- Forced row security binds the owner too, and the functions that run as the owner must see the rows.
create policy owner_erases on event_log.events to current_user using (true);
create policy owner_erases on event_log.snapshots to current_user using (true);
create policy owner_all on event_log.erased_tenants to current_user using (true) with check (true);
