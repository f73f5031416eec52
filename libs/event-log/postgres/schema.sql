-- The event log. One row an event, one table, one order.
--
-- Position order is commit order: positions are drawn under an advisory lock that is held until the commit, so a reader
-- that asks for `position > checkpoint` can't pass an event that is still being written.
create schema event_log;

-- A sequence and not max(position) + 1: erasing a tenant must never hand its positions out again.
create sequence event_log.positions as bigint cache 1;

create table event_log.events (
  position       bigint      not null,
  recorded_at    timestamptz not null,
  command_id     uuid        not null,
  aggregate_id   uuid        not null,
  tenant_id      uuid,                    -- null: outside every tenant (people)
  actor_id       uuid,                    -- only with actor_kind 'p'
  causation_id   uuid,                    -- null: the command itself
  version        integer     not null,    -- 1 for the stream's first event
  ordinal        smallint    not null,    -- place in its append; event id = uuidv5(command_id, ordinal)
  schema_version smallint    not null,
  actor_kind     "char"      not null,    -- p(erson), o(perator), s(tripe), y (system)
  aggregate      text        not null,
  type           text        not null,
  correlation_id text,                    -- null: the command id
  -- json, not jsonb: events are written once and read back whole, so nothing is gained by a second format that is
  -- larger and must be rendered on each read.
  data           json        not null,
  constraint events_pkey primary key (position) with (fillfactor = 100),
  constraint events_stream_key unique (aggregate_id, aggregate, version)
);

-- This is "unique by event id": event ids derive from a command id and a place, and the places of an append are written
-- together, so its first event speaks for all. Command ids are UUIDv7, so the index grows at its right edge; the derived
-- ids are random and would cost a full-page image each.
create unique index events_command_key on event_log.events (command_id) with (fillfactor = 100) where ordinal = 0;

-- A tenant's history in position order. The second column is coarse on purpose: rows of one tenant and one bucket share
-- an index entry (deduplication needs equal keys), about 9 bytes an event instead of 45; an incremental sort puts the
-- rows of a bucket in order.
create index events_tenant_idx on event_log.events (tenant_id, (position >> 16)) where tenant_id is not null;

alter table event_log.events enable row level security;
alter table event_log.events force row level security;

-- Folded states of long streams. Disposable: a row that is missing, or of another fold version, costs a longer read.
create table event_log.snapshots (
  tenant_id    uuid,
  aggregate_id uuid     not null,
  aggregate    text     not null,
  fold_version integer  not null,
  version      integer  not null,
  state        json     not null,
  primary key (aggregate_id, aggregate)
);
alter table event_log.snapshots enable row level security;
alter table event_log.snapshots force row level security;

create type event_log.append_outcome as (
  ord           integer,   -- place of the append in the batch, from 1
  outcome       "char",    -- a(ppended), r(epeated), c(onflict)
  version       integer,   -- after the append; the stream's version where it was a conflict
  last_position bigint,
  recorded_at   bigint     -- ms since 1970, of an append that was written now
);

-- Takes a batch of appends, each to a stream of its own, and answers each on its own: a conflict fails only the append
-- that has it. Callers put no stream and no command into one batch twice.
--
-- The version check stands in a statement of its own after the lock, because a statement that takes the lock itself
-- still sees the log as it was before it waited.
create function event_log.append(
  command_ids    uuid[],
  tenant_ids     uuid[],
  aggregates     text[],
  aggregate_ids  uuid[],
  expected       integer[],  -- -1: any
  counts         integer[],  -- events of each append, in order
  actor_kinds    text[],
  actor_ids      uuid[],
  causation_ids  uuid[],
  correlations   text[],
  ordinals       smallint[], -- from here on one element an event
  owners         integer[],  -- place of the event's append in the batch, from 1
  types          text[],
  versions       smallint[], -- schema versions
  payloads       text[]
) returns setof event_log.append_outcome
language plpgsql volatile
as $$
declare
  stamp timestamptz;
begin
  perform pg_catalog.pg_advisory_xact_lock(7301946);
  -- One time for all, drawn under the lock: times and positions have one order.
  stamp := date_trunc('milliseconds', clock_timestamp());
  return query
  with appends as materialized (
    select a.*,
      coalesce((select e.version from event_log.events e
        where e.aggregate_id = a.aggregate_id and e.aggregate = a.aggregate
        order by e.version desc limit 1), 0) as current,
      prior.version as prior_version, prior.position as prior_position
    from unnest(command_ids, tenant_ids, aggregates, aggregate_ids, expected, counts, actor_kinds, actor_ids,
                causation_ids, correlations)
      with ordinality as a (command_id, tenant_id, aggregate, aggregate_id, expected, count, actor_kind, actor_id,
                            causation_id, correlation, ord)
    left join lateral (
      select l.version, l.position
      from event_log.events f
      join event_log.events l on l.aggregate_id = f.aggregate_id and l.aggregate = f.aggregate
        and l.version >= f.version and l.command_id = f.command_id
      where f.command_id = a.command_id and f.ordinal = 0
      order by l.version desc limit 1
    ) prior on true
  ), written as (
    insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
      version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
    select nextval('event_log.positions'), stamp, e.command_id, e.aggregate_id, e.tenant_id, e.actor_id,
      e.causation_id, e.version, e.ordinal, e.schema_version, e.actor_kind::"char", e.aggregate, e.type, e.correlation,
      e.payload::json
    from (
      select a.*, v.ordinal, a.current + v.ordinal + 1 as version, v.type, v.schema_version, v.payload
      from unnest(ordinals, owners, types, versions, payloads)
        with ordinality as v (ordinal, owner, type, schema_version, payload, place)
      join appends a on a.ord = v.owner
      where a.prior_version is null and (a.expected = -1 or a.expected = a.current)
      order by v.place
    ) e
    returning position, command_id
  )
  select a.ord::integer,
    (case when a.prior_version is not null then 'r' when w.position is not null then 'a' else 'c' end)::"char",
    case when a.prior_version is not null then a.prior_version
         when w.position is not null then a.current + a.count else a.current end,
    coalesce(a.prior_position, w.position), (extract(epoch from stamp) * 1000)::bigint
  from appends a
  left join (select command_id, max(position) as position from written group by command_id) w using (command_id);
end
$$;

-- The same for a lone append of one event, the common case of an idle system, in fewer steps: its position and its time in
-- ms since 1970. Null: not written, ask event_log.append why.
create function event_log.append_one(
  p_command_id     uuid,
  p_tenant_id      uuid,
  p_aggregate      text,
  p_aggregate_id   uuid,
  p_expected       integer,
  p_actor_kind     text,
  p_actor_id       uuid,
  p_causation_id   uuid,
  p_correlation    text,
  p_type           text,
  p_schema_version smallint,
  p_payload        text
) returns bigint[]
language plpgsql volatile
as $$
declare
  written bigint[];
  stamp   timestamptz;
begin
  perform pg_catalog.pg_advisory_xact_lock(7301946);
  stamp := date_trunc('milliseconds', clock_timestamp());
  insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
    version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
  select nextval('event_log.positions'), stamp, p_command_id, p_aggregate_id, p_tenant_id, p_actor_id,
    p_causation_id, p_expected + 1, 0, p_schema_version, p_actor_kind::"char", p_aggregate, p_type, p_correlation,
    p_payload::json
  where not exists (select from event_log.events e where e.command_id = p_command_id and e.ordinal = 0)
    and p_expected = coalesce((select e.version from event_log.events e
      where e.aggregate_id = p_aggregate_id and e.aggregate = p_aggregate
      order by e.version desc limit 1), 0)
  returning array[position, (extract(epoch from stamp) * 1000)::bigint] into written;
  return written;
end
$$;

revoke all on function event_log.append, event_log.append_one from public;
grant usage on schema event_log to {{app}}, {{log}}, {{projector}}, {{operator}};

-- The log's own role appends and reads. Nobody but the owner changes or deletes an event.
grant select, insert on event_log.events to {{log}};
grant usage on sequence event_log.positions to {{log}};
grant select, insert, update, delete on event_log.snapshots to {{log}};
grant execute on function event_log.append, event_log.append_one to {{log}};
create policy log_writes on event_log.events to {{log}} using (true) with check (true);
create policy log_snapshots on event_log.snapshots to {{log}} using (true) with check (true);

grant select on event_log.events to {{app}}, {{projector}}, {{operator}};
create policy projector_reads on event_log.events for select to {{projector}} using (true);
create policy operator_reads on event_log.events for select to {{operator}} using (true);
create policy tenant_reads on event_log.events for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Erasing a tenant is the owner's right alone; a job may ask for it through this one function.
create function event_log.erase_tenant(p_tenant_id uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  erased bigint;
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from event_log.snapshots where tenant_id = p_tenant_id;
  delete from event_log.events where tenant_id = p_tenant_id;
  get diagnostics erased = row_count;
  return erased;
end
$$;
revoke all on function event_log.erase_tenant from public;
grant execute on function event_log.erase_tenant to {{log}};
-- FORCE binds the owner too; the definer's function needs to see what it erases.
create policy owner_erases on event_log.events to current_user using (true);
create policy owner_erases on event_log.snapshots to current_user using (true);
