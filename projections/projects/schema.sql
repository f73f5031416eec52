-- One row for each project, including archived ones.
create table projects (
  tenant_id   uuid    not null,
  project_id  uuid    not null,  -- UUIDv7: contains the time of creation; lists are ordered by it
  name        text    not null,
  description text    not null,
  team_id     uuid,
  archived    boolean not null,
  version     integer not null   -- of the project's stream: the ETag of the row
);

-- after load
alter table projects add primary key (tenant_id, project_id);
create index projects_archived_idx on projects (tenant_id, archived, project_id);
-- The projects of a deleted team.
create index projects_team_idx on projects (tenant_id, team_id) where team_id is not null;

-- before reading
alter table projects enable row level security;
alter table projects force row level security;
create policy projector_writes on projects to {{projector}} using (true) with check (true);
create policy operator_reads on projects for select to {{operator}} using (true);
create policy tenant_reads on projects for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
