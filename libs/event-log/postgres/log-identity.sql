-- Which log this is, and how often it went back to an older copy. Every mark that is kept of the log (checkpoints,
-- snapshots, states in memory) names the log and an event of it, so that a mark of another history is not believed.
create table event_log.identity (
  only_row       boolean     not null primary key default true check (only_row),
  log_id         uuid        not null default gen_random_uuid(),
  epoch          integer     not null default 1,
  epoch_began_at timestamptz not null default now()
);
insert into event_log.identity default values;
grant select on event_log.identity to {{log}}, {{projector}}, {{operator}};

-- A process found that an event which it had seen is not there any more. Raises the epoch once for all that find it at
-- the same time: whoever has seen an older epoch than the present one takes the present one.
create function event_log.begin_epoch(p_seen integer) returns setof event_log.identity
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update event_log.identity set epoch = epoch + 1, epoch_began_at = now() where epoch = p_seen;
  return query select * from event_log.identity;
end $$;
revoke all on function event_log.begin_epoch from public;
grant execute on function event_log.begin_epoch to {{log}};

-- Positions are drawn from a sequence, which a logical restore or upgrade may leave behind the events. The next position
-- is then taken already, or lies before what readers have passed. Raises the sequence to the last event; returns that
-- event's position, or null where the sequence was not behind.
grant select on sequence event_log.positions to {{log}}, {{projector}}, {{operator}};
create function event_log.raise_positions() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  head bigint;
begin
  perform pg_advisory_xact_lock(7301946);
  head := (select max(position) from event_log.events);
  if head > (select last_value - (not is_called)::integer from event_log.positions) then
    perform setval('event_log.positions', head);
    return head;
  end if;
  return null;
end $$;
revoke all on function event_log.raise_positions from public;
grant execute on function event_log.raise_positions to {{log}};

-- The command of the event that the state was folded up to: the event's id says more than its version.
alter table event_log.snapshots add column command_id uuid;

-- Names an event, and the log that it is of. `tenant_id` says whose erasure may have taken it.
create type event_log.mark as (
  log_id     uuid,
  position   numeric,
  event_id   uuid,
  command_id uuid,
  tenant_id  uuid
);

-- The event that a checkpoint lies at, or the last one before it. Null: not known, as in a checkpoint of an earlier
-- release until it moves.
alter table projecting.checkpoints add column mark event_log.mark;
alter table reacting.checkpoints add column mark event_log.mark;
