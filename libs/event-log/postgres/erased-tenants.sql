-- The tenants that were erased, for ever: an id, and nothing that it could lead to.
create table event_log.erased_tenants (
  tenant_id uuid        not null primary key,
  erased_at timestamptz not null default now()
);
alter table event_log.erased_tenants enable row level security;
alter table event_log.erased_tenants force row level security;
create policy owner_all on event_log.erased_tenants to current_user using (true) with check (true);
create policy log_reads on event_log.erased_tenants for select to {{log}} using (true);
create policy operator_reads on event_log.erased_tenants for select to {{operator}} using (true);
grant select on event_log.erased_tenants to {{log}}, {{operator}};

-- Says that a tenant is erased, from its commit on. Under the lock of the appends: what had it before is there to be
-- deleted, and what gets it after sees this.
create function event_log.bury_tenant(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7301946);
  insert into event_log.erased_tenants (tenant_id) values (p_tenant_id) on conflict do nothing;
end $$;
revoke all on function event_log.bury_tenant from public;
grant execute on function event_log.bury_tenant to {{log}};

-- Whatever statement writes it: an event of an erased tenant is refused, by one look into a small index.
alter policy log_writes on event_log.events to {{log}} using (true)
  with check (tenant_id is null
    or not exists (select from event_log.erased_tenants e where e.tenant_id = events.tenant_id));
