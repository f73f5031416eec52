-- Reservations end by lease time. A wall clock that is set ahead would give away places that are about to be used, and one that
-- was ahead for a while would keep the places of killed processes for as long. `expires_at` is for processes of the release
-- before this one, which compare it with the wall clock.
alter table plans.reservations add column overdue_at timestamptz not null default lease.now() + interval '30 seconds';
comment on column plans.reservations.overdue_at is 'in lease time';
drop index plans.reservations_expiry_idx;
create index reservations_overdue_idx on plans.reservations (overdue_at);

create or replace function plans.reserve(
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
    -- What this very command has made already is no reason to refuse its repeat.
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
    -- After a plan became smaller there may be many more.
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
