-- One row a task that was not deleted.
create table tasks (
  tenant_id         uuid    not null,
  task_id           uuid    not null,  -- UUIDv7: holds the time at which it was made, and is the list's order
  project_id        uuid    not null,
  title             text    not null,
  description       text    not null,
  status            text    not null,
  assignee_id       uuid,
  assigned_version  integer,           -- of the task's stream and
  assigned_position bigint,            -- of the log: when the assignee got it
  due_on            date,
  version           integer not null   -- of the task's stream: the row's ETag
);

-- after load
alter table tasks add primary key (tenant_id, task_id);
-- A project's tasks in the list's order, with what the list filters by: what does not match is passed over in the index,
-- without a look at its row.
create index tasks_project_idx on tasks (tenant_id, project_id, task_id, status, assignee_id, due_on);
-- What somebody who left the tenant leaves behind.
create index tasks_assignee_idx on tasks (tenant_id, assignee_id) where assignee_id is not null;

-- before reading
alter table tasks enable row level security;
alter table tasks force row level security;
create policy projector_writes on tasks to {{projector}} using (true) with check (true);
create policy operator_reads on tasks for select to {{operator}} using (true);
create policy tenant_reads on tasks for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
