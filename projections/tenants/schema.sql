-- One row for each tenant: the answer of GET /v1/tenant.
create table tenants (
  tenant_id uuid    not null,  -- UUIDv7: contains the time of the sign-up
  name      text    not null,
  slug      text    not null,
  plan      text    not null,
  lock         text not null,  -- none, locked, suspended
  lock_reason  text,
  locked_since timestamptz,
  version   integer not null  -- of the tenant's stream: the ETag of the row
);

-- The names of tenants, for the users who are their members. It is a separate table, because the planner combines two
-- policies on one table with `or`, which can use no index.
create table companies (
  tenant_id uuid not null,
  name      text not null,
  slug      text not null
);

-- Tenants that are closed and not yet erased. Only the job that erases them reads it.
create table closed_tenants (
  tenant_id   uuid        not null,
  erase_after timestamptz not null
);

-- after load
alter table tenants add primary key (tenant_id);
alter table companies add primary key (tenant_id);
alter table closed_tenants add primary key (tenant_id);
create index closed_tenants_due_idx on closed_tenants (erase_after);

-- before reading
alter table tenants enable row level security;
alter table tenants force row level security;
create policy projector_writes on tenants to {{projector}} using (true) with check (true);
create policy operator_reads on tenants for select to {{operator}} using (true);
create policy tenant_reads on tenants for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table companies enable row level security;
alter table companies force row level security;
create policy projector_writes on companies to {{projector}} using (true) with check (true);
create policy operator_reads on companies for select to {{operator}} using (true);
-- The tenants that a user is a member of. A sign-in lists them before the user chooses one.
create policy tenants_read on companies for select to {{app}}
  using (tenant_id = any ((select string_to_array(nullif(current_setting('app.tenant_ids', true), ''), ',')::uuid[])::uuid[]));

alter table closed_tenants enable row level security;
alter table closed_tenants force row level security;
create policy projector_writes on closed_tenants to {{projector}} using (true) with check (true);
create policy operator_reads on closed_tenants for select to {{operator}} using (true);
