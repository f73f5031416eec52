-- One row a tenant: what GET /v1/tenant shows.
create table tenants (
  tenant_id uuid    not null,  -- UUIDv7: holds the time at which the tenant signed up
  name      text    not null,
  slug      text    not null,
  plan      text    not null,
  lock         text not null,  -- none, locked, suspended
  lock_reason  text,
  locked_since timestamptz,
  version   integer not null  -- of the tenant's stream: the row's ETag
);

-- Names by which people know the tenants that they belong to. A table of its own, because of two policies on one table
-- the planner makes an `or`, which no index serves.
create table companies (
  tenant_id uuid not null,
  name      text not null,
  slug      text not null
);

-- Tenants that are closed and not yet erased. Nobody but the job that erases them needs to know.
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
-- Those that a user was found to belong to: what a sign-in lists before one of them is chosen.
create policy tenants_read on companies for select to {{app}}
  using (tenant_id = any ((select string_to_array(nullif(current_setting('app.tenant_ids', true), ''), ',')::uuid[])::uuid[]));

alter table closed_tenants enable row level security;
alter table closed_tenants force row level security;
create policy projector_writes on closed_tenants to {{projector}} using (true) with check (true);
create policy operator_reads on closed_tenants for select to {{operator}} using (true);
