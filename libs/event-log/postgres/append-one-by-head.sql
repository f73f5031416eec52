-- The same function, which looks for the last position by the end of the index. Whether any event lies at or behind a
-- position was planned as a read of the whole table where it was planned while the table was small: of a healthy log nothing
-- matches, and the read goes to the end.

-- A lone append of one event: its position and its time in ms since 1970. Null, or a unique violation: not written, ask
-- event_log.append why.
create or replace function event_log.append_one(
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
  p_expected_command uuid
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
  -- A statement of its own, so that it sees the log as it is under the lock. The last event lies before the next position,
  -- unless the sequence is behind the events.
  if (select max(e.position) from event_log.events e) >= place or (p_expected > 0 and (
    select e.command_id is distinct from coalesce(p_expected_command, e.command_id) from event_log.events e
    where e.aggregate_id = p_aggregate_id and e.aggregate = p_aggregate and e.version = p_expected) is not false
  ) then
    return null;
  end if;
  stamp := date_trunc('milliseconds', clock_timestamp());
  p_expected := p_expected + 1;
  insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
    version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
  values (place, stamp, p_command_id, p_aggregate_id, p_tenant_id, p_actor_id, p_causation_id,
    p_expected, 0, p_schema_version, p_actor_kind, p_aggregate, p_type, p_correlation, p_payload);
  return array[place, (extract(epoch from stamp) * 1000)::bigint];
end
$$;
