-- One row a company: what GET /v1/tenant shows.
create table tenants (
  tenant_id uuid    not null,  -- UUIDv7: holds the time at which the company signed up
  name      text    not null,
  slug      text    not null,
  plan      text    not null,
  version   integer not null  -- of the tenant's stream: the row's ETag
);

-- after load
alter table tenants add primary key (tenant_id);

-- before reading
alter table tenants enable row level security;
alter table tenants force row level security;
create policy projector_writes on tenants to {{projector}} using (true) with check (true);
create policy operator_reads on tenants for select to {{operator}} using (true);
create policy tenant_reads on tenants for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
-- The companies that a person was found to belong to: what a sign-in lists before one of them is chosen.
create policy companies_read on tenants for select to {{app}}
  using (tenant_id = any ((select string_to_array(nullif(current_setting('app.tenant_ids', true), ''), ',')::uuid[])::uuid[]));
