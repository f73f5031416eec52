-- What plans limit across streams: reservations, and calls of the API.
create schema plans;

-- One row for each project or task that somebody is about to make. It counts until the read model of what is in use counts
-- what was made of it; one whose time is over is looked up in the log by whoever needs the place, or by the sweeper.
create table plans.reservations (
  tenant_id  uuid        not null,
  command_id uuid        not null,  -- of the command that will use it
  resource   text        not null check (resource in ('projects', 'tasks')),
  scope_id   uuid        not null,  -- what it is counted in: the company for projects, the project for tasks
  unit_id    uuid        not null,  -- the project or task that is made
  expires_at timestamptz not null,
  primary key (tenant_id, command_id)
);
create index reservations_scope_idx on plans.reservations (tenant_id, scope_id);
create index reservations_expiry_idx on plans.reservations (expires_at);

alter table plans.reservations enable row level security;
alter table plans.reservations force row level security;
create policy owner_all on plans.reservations to current_user using (true) with check (true);
create policy projector_reads on plans.reservations for select to {{projector}} using (true);
create policy tenant_works on plans.reservations to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Takes one of what is limited, or says how many are used. Runs as its caller: under row-level security. The lock orders
-- those who take from the same limit; each statement after it sees what was committed before.
create function plans.reserve(
  p_tenant_id uuid, p_command_id uuid, p_resource text, p_scope_id uuid, p_unit_id uuid, p_limit integer,
  p_ttl_seconds integer
) returns table (taken boolean, used integer, held integer)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_used integer;
  v_all integer;
  v_held integer;
begin
  perform pg_advisory_xact_lock(hashtextextended(p_tenant_id::text || p_scope_id::text, 7301949));
  -- In one statement, so that both are counted at one moment: a unit that is folded between the two would be in neither.
  select
    -- What this very command has made already, and was not heard of, is no reason to refuse its repeat.
    (select count(*) from (
      select from read_model.plan_units u where u.tenant_id = p_tenant_id and u.scope_id = p_scope_id
        and u.command_id <> p_command_id limit p_limit) units),
    (select count(*) from plans.reservations r
      where r.tenant_id = p_tenant_id and r.scope_id = p_scope_id and r.command_id <> p_command_id
        and not exists (
          select from read_model.plan_units u
          where u.tenant_id = r.tenant_id and u.unit_id = r.unit_id and u.command_id = r.command_id))
  into v_used, v_held;
  if v_used + v_held >= p_limit then
    -- After a plan became smaller there may be more.
    select count(*) into v_all from read_model.plan_units u where u.tenant_id = p_tenant_id and u.scope_id = p_scope_id;
    return query select false, v_all + v_held, v_held;
    return;
  end if;
  insert into plans.reservations as r (tenant_id, command_id, resource, scope_id, unit_id, expires_at)
  values (p_tenant_id, p_command_id, p_resource, p_scope_id, p_unit_id, now() + make_interval(secs => p_ttl_seconds))
  on conflict (tenant_id, command_id) do update set expires_at = excluded.expires_at;
  return query select true, v_used + v_held + 1, v_held;
end $$;

-- Forgets reservations of many companies: those that the read model counts by now, and those that came to nothing.
create function plans.settle(p_tenant_ids uuid[], p_command_ids uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from plans.reservations r using unnest(p_tenant_ids, p_command_ids) as s(tenant_id, command_id)
  where r.tenant_id = s.tenant_id and r.command_id = s.command_id;
$$;

-- Calls of the API in a calendar month, UTC.
create table plans.api_calls (
  tenant_id uuid   not null,
  month     date   not null,
  calls     bigint not null,
  primary key (tenant_id, month)
);
alter table plans.api_calls enable row level security;
alter table plans.api_calls force row level security;
create policy owner_all on plans.api_calls to current_user using (true) with check (true);
create policy operator_reads on plans.api_calls for select to {{operator}} using (true);
create policy tenant_reads on plans.api_calls for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Adds what a process has counted, and tells how many calls each company has made by now, in all processes. In the order
-- of their ids: two processes that add at once do not wait for each other in a circle.
create function plans.count_calls(p_tenant_ids uuid[], p_month date, p_calls bigint[])
returns table (tenant_id uuid, calls bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into plans.api_calls as c (tenant_id, month, calls)
  select s.tenant_id, p_month, s.calls from unnest(p_tenant_ids, p_calls) as s(tenant_id, calls) order by s.tenant_id
  on conflict (tenant_id, month) do update set calls = c.calls + excluded.calls
  returning c.tenant_id, c.calls;
$$;

revoke all on function plans.reserve, plans.settle, plans.count_calls from public;
grant usage on schema plans to {{app}}, {{projector}}, {{operator}};
grant select, insert, update on plans.reservations to {{app}};
grant select on plans.reservations to {{projector}};
grant select on plans.api_calls to {{app}}, {{operator}};
grant execute on function plans.reserve, plans.settle, plans.count_calls to {{app}};
grant execute on function plans.settle to {{projector}};

-- A company that is erased takes these along.
create or replace function erasing.erase_rows(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from identity.sessions where tenant_id = p_tenant_id;
  -- A repeat of the sign-up must not found the company again.
  delete from identity.sign_ups where tenant_id = p_tenant_id;
  delete from idempotency.keys where tenant_id = p_tenant_id;
  delete from event_log.snapshots where tenant_id = p_tenant_id;
  delete from plans.reservations where tenant_id = p_tenant_id;
  delete from plans.api_calls where tenant_id = p_tenant_id;
end $$;
