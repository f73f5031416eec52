-- Time for leases, retries and schedules. Wall clocks jump: a server's clock that is ten minutes ahead for a while would
-- write leases that nobody may end for ten minutes after the clock is right again, and one that is set back would keep a
-- dead worker's lease for as long. So leases end by a time of their own, which no wall clock moves.
create schema lease;

-- Lease time. It begins as the wall clock and then counts what passes by the monotonic clocks of the running processes,
-- each of which writes it about once a second. While no process runs it stands still.
create table lease.clock (
  single boolean     not null primary key default true check (single),
  at     timestamptz not null
);
insert into lease.clock (at) values (clock_timestamp());

-- One look at a table of one row.
create function lease.now() returns timestamptz
language sql stable parallel safe
as 'select c.at from lease.clock c';

-- A process says how late it is by its own reckoning, in ms since 1970, or null at its start, and learns how late it is by
-- everybody's, with the wall clock of the server. Lease time never goes back. A step of less than p_step_ms is not written,
-- so that many processes together write little more than one does.
create function lease.tick(p_at_ms double precision, p_step_ms double precision, out lease_ms double precision,
  out wall_ms double precision)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  update lease.clock c set at = to_timestamp(p_at_ms / 1000)
  where c.at < to_timestamp((p_at_ms - p_step_ms) / 1000);
  select extract(epoch from c.at) * 1000 into lease_ms from lease.clock c;
  wall_ms := extract(epoch from clock_timestamp()) * 1000;
end $$;

-- What runs again and again, in one process at a time. A slot is a piece of the wall clock's time as long as the interval.
create table lease.schedules (
  name         text        not null primary key,
  ran          timestamptz,           -- the start of the slot that had its run
  token        uuid        not null,  -- of the last run that began: what a run writes is checked against it
  leased_until timestamptz not null   -- in lease time
);

-- Begins a run if one is due and no other is under way. `slot` is null where none was begun; `wait_ms` is the time to the
-- next slot. A mark later than the present slot comes of a clock that was ahead: `ahead` says so, and the run begins.
create function lease.begin_run(p_name text, p_every_ms bigint, p_token uuid, p_lease_ms integer, out slot timestamptz,
  out wait_ms double precision, out ahead boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  wall constant double precision := extract(epoch from clock_timestamp()) * 1000;
  start constant double precision := floor(wall / p_every_ms) * p_every_ms;
  present constant timestamptz := to_timestamp(start / 1000);
  known lease.schedules;
begin
  wait_ms := start + p_every_ms - wall;
  ahead := false;
  select * into known from lease.schedules s where s.name = p_name;
  if known.ran = present or known.leased_until > lease.now() then return; end if;
  insert into lease.schedules as s (name, token, leased_until)
  values (p_name, p_token, lease.now() + p_lease_ms * interval '1 millisecond')
  on conflict (name) do update set token = excluded.token, leased_until = excluded.leased_until
    where s.ran is distinct from present and s.leased_until <= lease.now();
  if found then
    slot := present;
    ahead := coalesce(known.ran > present, false);
  end if;
end $$;

-- Goes on with a run. False: another process has taken it over.
create function lease.renew_run(p_name text, p_token uuid, p_lease_ms integer) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  update lease.schedules set leased_until = lease.now() + p_lease_ms * interval '1 millisecond'
  where name = p_name and token = p_token;
  return found;
end $$;

-- Ends a run, whatever came of it. False: another process has taken it over, and nothing was written.
create function lease.end_run(p_name text, p_token uuid, p_slot timestamptz) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  update lease.schedules set ran = p_slot, leased_until = '-infinity' where name = p_name and token = p_token;
  return found;
end $$;

revoke all on function lease.now, lease.tick, lease.begin_run, lease.renew_run, lease.end_run from public;
grant usage on schema lease to {{app}}, {{projector}}, {{operator}};
grant execute on function lease.now to {{app}}, {{projector}}, {{operator}};
grant select on lease.clock to {{app}}, {{projector}}, {{operator}};
grant update on lease.clock to {{projector}};
grant execute on function lease.tick, lease.begin_run, lease.renew_run, lease.end_run to {{projector}};
grant select, insert, update on lease.schedules to {{projector}};
grant select on lease.schedules to {{operator}};
