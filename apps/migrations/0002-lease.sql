create schema lease;
comment on schema lease is
  'Time for leases, retries and schedules. Wall clocks jump: with a wall clock, a lease written while the clock of a
  server was ten minutes ahead would end ten minutes late. So leases end by lease time, which does not depend on wall
  clocks.';

create table lease.clock (
  single boolean     not null primary key default true check (single),
  at     timestamptz not null
);
comment on table lease.clock is
  'Lease time. It begins with the time of the wall clock, and then advances by the monotonic clocks of the running
  processes, each of which writes it about once a second. It does not advance while no process runs.';
insert into lease.clock (at) values (clock_timestamp());

create table lease.schedules (
  name         text        not null primary key,
  ran          timestamptz,
  token        uuid        not null,
  leased_until timestamptz not null
);
comment on table lease.schedules is
  'Schedules: work that runs at intervals, in one process at a time. A slot is a part of wall-clock time that is as long
  as the interval.';
comment on column lease.schedules.ran is 'start of the last slot that was run; null: none was run';
comment on column lease.schedules.token is
  'fencing token of the last run that began: a run with another token can write nothing';
comment on column lease.schedules.leased_until is 'in lease time';

grant usage on schema lease to {{app}}, {{projector}}, {{operator}};
grant select on lease.clock to {{app}}, {{projector}}, {{operator}};
grant update on lease.clock to {{projector}};
grant select, insert, update on lease.schedules to {{projector}};
grant select on lease.schedules to {{operator}};

create function lease.now() returns timestamptz
language sql stable parallel safe
as 'select c.at from lease.clock c';
comment on function lease.now is 'The present lease time. It reads one row.';

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
comment on function lease.tick is
  'A process reports the lease time by its own monotonic clock, in ms since 1970, or null at its start. Returns the
  lease time of all processes and the wall clock of the server, both in ms since 1970. Lease time never goes back. A
  step of less than p_step_ms is not written, so that many processes together write little more often than one.';

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
comment on function lease.begin_run is
  'Begins a run if one is due and none is in progress. `slot` is the start of its slot, or null if none was begun;
  `wait_ms` is the time until the next slot. If the last run has a slot in the future, a clock was ahead then: `ahead`
  is true, and the run begins all the same.';

create function lease.renew_run(p_name text, p_token uuid, p_lease_ms integer) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  update lease.schedules set leased_until = lease.now() + p_lease_ms * interval '1 millisecond'
  where name = p_name and token = p_token;
  return found;
end $$;
comment on function lease.renew_run is
  'Extends the lease of a run to p_lease_ms from now. False: another process has taken over the run.';

create function lease.end_run(p_name text, p_token uuid, p_slot timestamptz) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  update lease.schedules set ran = p_slot, leased_until = '-infinity' where name = p_name and token = p_token;
  return found;
end $$;
comment on function lease.end_run is
  'Ends a run, successful or not. False: another process has taken over the run, and nothing was written.';

revoke all on function lease.now, lease.tick, lease.begin_run, lease.renew_run, lease.end_run from public;
grant execute on function lease.now to {{app}}, {{projector}}, {{operator}};
grant execute on function lease.tick, lease.begin_run, lease.renew_run, lease.end_run to {{projector}};
