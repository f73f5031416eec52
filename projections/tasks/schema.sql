-- One row for each task that was not deleted.
create table tasks (
  tenant_id         uuid    not null,
  task_id           uuid    not null,  -- UUIDv7: contains the time of creation; lists are ordered by it
  project_id        uuid    not null,
  title             text    not null,
  description       text    not null,
  status            text    not null,
  assignee_id       uuid,
  assigned_version  integer,           -- version of the task's stream at the last assignment
  assigned_position bigint,            -- position in the log of the last assignment
  due_on            date,
  version           integer not null   -- of the task's stream: the ETag of the row
);

-- after load
alter table tasks add primary key (tenant_id, task_id);
-- The tasks of a project in the order of the list, with the columns of its filters: tasks that do not match are skipped
-- in the index, without reading their rows.
create index tasks_project_idx on tasks (tenant_id, project_id, task_id, status, assignee_id, due_on);
-- The tasks of a member who is removed.
create index tasks_assignee_idx on tasks (tenant_id, assignee_id) where assignee_id is not null;

-- before reading
alter table tasks enable row level security;
alter table tasks force row level security;
create policy projector_writes on tasks to {{projector}} using (true) with check (true);
create policy operator_reads on tasks for select to {{operator}} using (true);
create policy tenant_reads on tasks for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
