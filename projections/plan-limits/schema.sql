-- The terms of the plan of each tenant. The other tables hold its use, with which limits across streams are compared.
create table plan_terms (
  tenant_id uuid    not null,
  plan      text    not null,
  version   integer not null,  -- of the catalogue
  limits    jsonb   not null,
  features  jsonb   not null
);

-- One row for each project that is not archived (counted in its tenant) and each task (counted in its project).
create table plan_units (
  tenant_id  uuid not null,
  unit_id    uuid not null,  -- UUIDv7: contains the time of creation; units are ordered by it
  scope_id   uuid not null,
  command_id uuid not null   -- that created or restored it; it identifies the reservation that was used
);

-- The numbers of seats, teams and projects of each tenant.
create table plan_counts (
  tenant_id uuid    not null,
  seats     integer not null,
  teams     integer not null,
  projects  integer not null
) with (fillfactor = 80);  -- rows are updated often

-- The number of tasks of each project.
create table plan_tasks (
  tenant_id  uuid    not null,
  project_id uuid    not null,
  tasks      integer not null
);

-- after load
alter table plan_terms add primary key (tenant_id);
alter table plan_counts add primary key (tenant_id);
alter table plan_tasks add primary key (tenant_id, project_id);
-- The project with the most tasks is the last entry of its tenant.
create index plan_tasks_most_idx on plan_tasks (tenant_id, tasks);
alter table plan_units add primary key (tenant_id, unit_id);
create index plan_units_scope_idx on plan_units (tenant_id, scope_id, unit_id);

-- before reading
alter table plan_terms enable row level security;
alter table plan_terms force row level security;
create policy projector_writes on plan_terms to {{projector}} using (true) with check (true);
create policy operator_reads on plan_terms for select to {{operator}} using (true);
create policy tenant_reads on plan_terms for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table plan_units enable row level security;
alter table plan_units force row level security;
create policy projector_writes on plan_units to {{projector}} using (true) with check (true);
create policy operator_reads on plan_units for select to {{operator}} using (true);
create policy tenant_reads on plan_units for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table plan_counts enable row level security;
alter table plan_counts force row level security;
create policy projector_writes on plan_counts to {{projector}} using (true) with check (true);
create policy operator_reads on plan_counts for select to {{operator}} using (true);
create policy tenant_reads on plan_counts for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table plan_tasks enable row level security;
alter table plan_tasks force row level security;
create policy projector_writes on plan_tasks to {{projector}} using (true) with check (true);
create policy operator_reads on plan_tasks for select to {{operator}} using (true);
create policy tenant_reads on plan_tasks for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
