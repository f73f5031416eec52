create table teams (
  tenant_id uuid    not null,
  team_id   uuid    not null,  -- UUIDv7: contains the time of creation; lists are ordered by it
  name      text    not null,
  version   integer not null   -- of the tenant's stream at the last change of the team or its members: its ETag
);

create table team_members (
  tenant_id uuid not null,
  team_id   uuid not null,
  user_id uuid not null
);

-- after load
alter table teams add primary key (tenant_id, team_id);
alter table team_members add primary key (tenant_id, team_id, user_id);

-- before reading
alter table teams enable row level security;
alter table teams force row level security;
create policy projector_writes on teams to {{projector}} using (true) with check (true);
create policy operator_reads on teams for select to {{operator}} using (true);
create policy tenant_reads on teams for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table team_members enable row level security;
alter table team_members force row level security;
create policy projector_writes on team_members to {{projector}} using (true) with check (true);
create policy operator_reads on team_members for select to {{operator}} using (true);
create policy tenant_reads on team_members for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
