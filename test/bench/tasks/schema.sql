create table tasks (
  tenant_id   uuid        not null,
  task_id     uuid        not null,
  project_id  uuid        not null,
  assignee_id uuid        not null,
  title       text        not null,
  state       text        not null,
  added_at    timestamptz not null,
  version     integer     not null
);

-- after load
alter table tasks add primary key (tenant_id, task_id);
create index tasks_project_idx on tasks (tenant_id, project_id);

-- before reading
alter table tasks enable row level security;
alter table tasks force row level security;
create policy projector_writes on tasks to {{projector}} using (true) with check (true);
create policy operator_reads on tasks for select to {{operator}} using (true);
create policy tenant_reads on tasks for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
