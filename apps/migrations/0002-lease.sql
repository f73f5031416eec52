create schema lease;
comment on schema lease is
  'Time for leases, retries and schedules. Wall clocks jump: a lease written while a server''s clock was ten minutes
  ahead would end ten minutes late, so leases end by a time of their own that no wall clock moves.';

create table lease.clock (
  single boolean     not null primary key default true check (single),
  at     timestamptz not null
);
comment on table lease.clock is
  'Lease time. It begins as the wall clock and then counts the time that passes by the monotonic clocks of the running
  processes, each of which writes it about once a second. It stands still while no process runs.';
insert into lease.clock (at) values (clock_timestamp());

create table lease.schedules (
  name         text        not null primary key,
  ran          timestamptz,
  token        uuid        not null,
  leased_until timestamptz not null
);
comment on table lease.schedules is
  'Work that runs at intervals, in one process at a time. A slot is a piece of wall-clock time as long as the interval.';
comment on column lease.schedules.ran is 'start of the slot that was run last';
comment on column lease.schedules.token is
  'fencing token of the last run that began: each write of a run is checked against it';
comment on column lease.schedules.leased_until is 'in lease time';

grant usage on schema lease to {{app}}, {{projector}}, {{operator}};
grant select on lease.clock to {{app}}, {{projector}}, {{operator}};
grant update on lease.clock to {{projector}};
grant select, insert, update on lease.schedules to {{projector}};
grant select on lease.schedules to {{operator}};

create function lease.now() returns timestamptz
language sql stable parallel safe
as 'select c.at from lease.clock c';
comment on function lease.now is 'The present lease time, by one look at a table of one row.';

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
  'A process reports the lease time by its own monotonic clock, in ms since 1970, or null at its start. Returns the lease
  time of all processes, with the wall clock of the server. Lease time never goes back. A step of less than p_step_ms is
  not written, so that many processes together write little more than one does.';

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
  'Begins a run if one is due and no other is under way. `slot` is null where none was begun; `wait_ms` is the time to
  the next slot. A mark later than the present slot was written while a clock was ahead: `ahead` is true then, and the
  run begins.';

create function lease.renew_run(p_name text, p_token uuid, p_lease_ms integer) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  update lease.schedules set leased_until = lease.now() + p_lease_ms * interval '1 millisecond'
  where name = p_name and token = p_token;
  return found;
end $$;
comment on function lease.renew_run is 'Extends the lease of a run. False: another process has taken it over.';

create function lease.end_run(p_name text, p_token uuid, p_slot timestamptz) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  update lease.schedules set ran = p_slot, leased_until = '-infinity' where name = p_name and token = p_token;
  return found;
end $$;
comment on function lease.end_run is
  'Ends a run, whether it succeeded or not. False: another process has taken it over, and nothing was written.';

revoke all on function lease.now, lease.tick, lease.begin_run, lease.renew_run, lease.end_run from public;
grant execute on function lease.now to {{app}}, {{projector}}, {{operator}};
grant execute on function lease.tick, lease.begin_run, lease.renew_run, lease.end_run to {{projector}};
