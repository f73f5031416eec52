create schema plans;
comment on schema plans is 'Limits of plans that span several streams: reservations, and the numbers of API calls.';

create table plans.reservations (
  tenant_id  uuid        not null,
  command_id uuid        not null,
  resource   text        not null check (resource in ('projects', 'tasks')),
  scope_id   uuid        not null,
  unit_id    uuid        not null,
  expires_at timestamptz not null,
  overdue_at timestamptz not null default lease.now() + interval '30 seconds',
  primary key (tenant_id, command_id)
);
comment on table plans.reservations is
  'Reservations: one row for each project or task that is about to be created. A reservation counts until the read model
  counts the project or task. If it is overdue, the log is searched for its command, by the sweeper or when the place is
  needed.';
comment on column plans.reservations.command_id is 'command that will use the reservation';
comment on column plans.reservations.scope_id is
  'to what the limit applies: the tenant for projects, the project for tasks';
comment on column plans.reservations.unit_id is 'the project or task to create';
comment on column plans.reservations.expires_at is 'by the wall clock, for processes of an older release';
comment on column plans.reservations.overdue_at is 'in lease time';
create index reservations_scope_idx on plans.reservations (tenant_id, scope_id);
create index reservations_overdue_idx on plans.reservations (overdue_at);

create table plans.api_calls (
  tenant_id uuid   not null,
  month     date   not null,
  calls     bigint not null,
  primary key (tenant_id, month)
);
comment on table plans.api_calls is 'Number of API calls of each tenant in each calendar month (UTC).';

alter table plans.reservations enable row level security;
alter table plans.reservations force row level security;
alter table plans.api_calls enable row level security;
alter table plans.api_calls force row level security;
create policy owner_all on plans.reservations to current_user using (true) with check (true);
create policy projector_reads on plans.reservations for select to {{projector}} using (true);
create policy tenant_works on plans.reservations to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner_all on plans.api_calls to current_user using (true) with check (true);
create policy operator_reads on plans.api_calls for select to {{operator}} using (true);
create policy tenant_reads on plans.api_calls for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

grant usage on schema plans to {{app}}, {{projector}}, {{operator}};
grant select, insert, update on plans.reservations to {{app}};
grant select on plans.reservations to {{projector}};
grant select on plans.api_calls to {{app}}, {{operator}};

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
  -- In one statement, so that both are counted at the same moment: otherwise a unit that is projected in between would
  -- be in neither count.
  select
    -- A unit that this command has already created does not count: a repeat of the command must not be refused.
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
    -- v_used ends at the limit. After a change to a smaller plan, there may be many more.
    if p_resource = 'projects' then
      select c.projects into v_all from read_model.plan_counts c where c.tenant_id = p_tenant_id;
    else
      select t.tasks into v_all from read_model.plan_tasks t
      where t.tenant_id = p_tenant_id and t.project_id = p_scope_id;
    end if;
    return query select false, coalesce(v_all, 0) + v_held, v_held;
    return;
  end if;
  insert into plans.reservations as r (tenant_id, command_id, resource, scope_id, unit_id, expires_at, overdue_at)
  values (p_tenant_id, p_command_id, p_resource, p_scope_id, p_unit_id, now() + make_interval(secs => p_ttl_seconds),
    lease.now() + make_interval(secs => p_ttl_seconds))
  on conflict (tenant_id, command_id) do update set expires_at = excluded.expires_at, overdue_at = excluded.overdue_at;
  return query select true, v_used + v_held + 1, v_held;
end $$;
comment on function plans.reserve is
  'Reserves one unit of a limited resource, or returns how many are used (`taken` is false then). It runs as its caller,
  under row-level security. The lock serialises reservations below the same limit; each statement after it sees what was
  committed before.';

create function plans.settle(p_tenant_ids uuid[], p_command_ids uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from plans.reservations r using unnest(p_tenant_ids, p_command_ids) as s(tenant_id, command_id)
  where r.tenant_id = s.tenant_id and r.command_id = s.command_id;
$$;
comment on function plans.settle is
  'Deletes reservations, also of several tenants: those that the read model counts now, and those that were not used.';

create function plans.count_calls(p_tenant_ids uuid[], p_month date, p_calls bigint[])
returns table (tenant_id uuid, calls bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into plans.api_calls as c (tenant_id, month, calls)
  select s.tenant_id, p_month, s.calls from unnest(p_tenant_ids, p_calls) as s(tenant_id, calls) order by s.tenant_id
  on conflict (tenant_id, month) do update set calls = c.calls + excluded.calls
  returning c.tenant_id, c.calls;
$$;
comment on function plans.count_calls is
  'Adds the calls that a process has counted, and returns the number of calls of each tenant in all processes. It writes
  in the order of tenant ids, so that two processes cannot deadlock.';

revoke all on function plans.reserve, plans.settle, plans.count_calls from public;
grant execute on function plans.reserve, plans.count_calls to {{app}};
grant execute on function plans.settle to {{app}}, {{projector}};
