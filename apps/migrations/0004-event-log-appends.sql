-- The functions that append events. They check versions in a separate statement after the lock: a statement that waits
-- for the lock itself would see the log as it was before the wait.

create function event_log.append(
  command_ids    uuid[],
  tenant_ids     uuid[],
  aggregates     text[],
  aggregate_ids  uuid[],
  expected       integer[],  -- expected versions; -1: any version
  counts         integer[],  -- number of events of each append
  actor_kinds    text[],
  actor_ids      uuid[],
  causation_ids  uuid[],
  correlations   text[],
  ordinals       smallint[], -- from here on one element for each event
  owners         integer[],  -- number of the event's append in the batch, from 1
  types          text[],
  versions       smallint[], -- schema versions
  payloads       text[],
  expected_commands uuid[],  -- one element for each append: command of the event at the expected version, or null
  access_ids     uuid[]      -- one element for each append
) returns setof event_log.append_outcome
language plpgsql volatile
as $$
declare
  stamp timestamptz;
begin
  perform pg_catalog.pg_advisory_xact_lock(7301946);
  perform event_log.raise_positions();
  -- One time for the whole batch, read under the lock, so that times have the same order as positions.
  stamp := date_trunc('milliseconds', clock_timestamp());
  return query
  with appends as materialized (
    select a.*, coalesce(last.version, 0) as current,
      a.expected = -1 or (a.expected = coalesce(last.version, 0)
        and coalesce(a.expected_command = last.command_id, true)) as fits,
      prior.version as prior_version, prior.position as prior_position
    from unnest(command_ids, tenant_ids, aggregates, aggregate_ids, expected, counts, actor_kinds, actor_ids,
                causation_ids, correlations, expected_commands, access_ids)
      with ordinality as a (command_id, tenant_id, aggregate, aggregate_id, expected, count, actor_kind, actor_id,
                            causation_id, correlation, expected_command, access_id, ord)
    left join lateral (
      select e.version, e.command_id from event_log.events e
      where e.aggregate_id = a.aggregate_id and e.aggregate = a.aggregate
      order by e.version desc limit 1
    ) last on true
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
      access_id, version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
    select nextval('event_log.positions'), stamp, e.command_id, e.aggregate_id, e.tenant_id, e.actor_id,
      e.causation_id, e.access_id, e.version, e.ordinal, e.schema_version, e.actor_kind::"char", e.aggregate, e.type, e.correlation,
      e.payload::json
    from (
      select a.*, v.ordinal, a.current + v.ordinal + 1 as version, v.type, v.schema_version, v.payload
      from unnest(ordinals, owners, types, versions, payloads)
        with ordinality as v (ordinal, owner, type, schema_version, payload, place)
      join appends a on a.ord = v.owner
      where a.prior_version is null and a.fits
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
comment on function event_log.append is
  'Appends a batch. Each append gets its own answer: a conflict fails only the append that has it. A batch must not
  contain a stream or a command twice. If the caller knows the command of the event at the expected version, the command
  is compared as well, because after a restore of an older copy another event may have that version.';

create function event_log.append_one(
  p_command_id     uuid,
  p_tenant_id      uuid,
  p_aggregate      text,
  p_aggregate_id   uuid,
  p_expected       integer,
  p_actor_kind     "char",
  p_actor_id       uuid,
  p_causation_id   uuid,
  p_correlation    text,
  p_type           text,
  p_schema_version smallint,
  p_payload        json,
  p_expected_command uuid,
  p_access_id      uuid
) returns bigint[]
language plpgsql volatile
as $$
declare
  locked text;
  stamp  timestamptz;
  place  bigint;
begin
  locked := pg_catalog.pg_advisory_xact_lock(7301946);
  place := nextval('event_log.positions');
  -- A separate statement, so that it sees the log as it is under the lock. The last event has a lower position than the
  -- next one, unless the sequence is behind. max() reads the end of the index; an exists with a comparison of positions
  -- would read the whole table if its plan was made while the table was small.
  if (select max(e.position) from event_log.events e) >= place or (p_expected > 0 and (
    select e.command_id is distinct from coalesce(p_expected_command, e.command_id) from event_log.events e
    where e.aggregate_id = p_aggregate_id and e.aggregate = p_aggregate and e.version = p_expected) is not false
  ) then
    return null;
  end if;
  stamp := date_trunc('milliseconds', clock_timestamp());
  p_expected := p_expected + 1;
  insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
    access_id, version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
  values (place, stamp, p_command_id, p_aggregate_id, p_tenant_id, p_actor_id, p_causation_id, p_access_id,
    p_expected, 0, p_schema_version, p_actor_kind, p_aggregate, p_type, p_correlation, p_payload);
  return array[place, (extract(epoch from stamp) * 1000)::bigint];
end
$$;
comment on function event_log.append_one is
  'Appends one event, with one append. Returns its position, and its time in ms since 1970. Null or a unique violation:
  nothing was written, and event_log.append returns the reason.';

create function event_log.append_expected(
  command_ids     uuid[],
  tenant_ids      uuid[],
  aggregates      text[],
  aggregate_ids   uuid[],
  expected        integer[], -- expected version of the event's append
  ordinals        smallint[],
  actor_kinds     "char"[],
  actor_ids       uuid[],
  causation_ids   uuid[],
  correlations    text[],
  types           text[],
  schema_versions smallint[],
  payloads        json[],
  expected_commands uuid[],  -- command of the event at the expected version, or null; or null for the whole array
  access_ids      uuid[]
) returns bigint[]
language plpgsql volatile
as $$
declare
  locked text;
  stamp  timestamptz;
begin
  locked := pg_catalog.pg_advisory_xact_lock(7301946);
  -- A separate statement, so that it sees the log as it is under the lock. It checks only that the expected version
  -- exists: a later event violates a unique index at the insert, also in a stream that was expected to be new. The
  -- scalar subquery is an index look-up for each row; not exists might be planned as a join that reads the whole table.
  if exists (
    select from unnest(aggregate_ids, aggregates, expected, expected_commands) as a (aggregate_id, aggregate, version, command_id)
    where a.version > 0 and (
      select e.command_id is distinct from coalesce(a.command_id, e.command_id) from event_log.events e
      where e.aggregate_id = a.aggregate_id and e.aggregate = a.aggregate and e.version = a.version) is not false
  ) or (select s.last_value - (not s.is_called)::integer from event_log.positions s)
    < (select max(position) from event_log.events) then
    return null;
  end if;
  stamp := date_trunc('milliseconds', clock_timestamp());
  insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
    access_id, version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
  select nextval('event_log.positions'), stamp, e.command_id, e.aggregate_id, e.tenant_id, e.actor_id, e.causation_id,
    e.access_id, e.expected + e.ordinal + 1, e.ordinal, e.schema_version, e.actor_kind, e.aggregate, e.type, e.correlation, e.payload
  from unnest(command_ids, tenant_ids, aggregates, aggregate_ids, expected, ordinals, actor_kinds, actor_ids,
              causation_ids, correlations, types, schema_versions, payloads, access_ids)
    as e (command_id, tenant_id, aggregate, aggregate_id, expected, ordinal, actor_kind, actor_id,
          causation_id, correlation, type, schema_version, payload, access_id);
  return array[currval('event_log.positions'), (extract(epoch from stamp) * 1000)::bigint];
end
$$;
comment on function event_log.append_expected is
  'Appends a batch in which each append has an expected version. It costs half as much as event_log.append, because it
  is one insert from the arrays. One element of each array is one event, and positions are assigned in the order of the
  arrays, without gaps. Returns the last position, and the time in ms since 1970. Null or a unique violation: nothing of
  the batch was written, and event_log.append returns the outcome of each append.';

revoke all on function event_log.append, event_log.append_one, event_log.append_expected from public;
grant execute on function event_log.append, event_log.append_one, event_log.append_expected to {{log}};
