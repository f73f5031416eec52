-- The members of each tenant, with their roles.
create table members (
  tenant_id       uuid        not null,
  user_id         uuid        not null,
  role            text        not null,
  joined_at       timestamptz not null,
  joined_position bigint      not null,  -- in the log; lists are ordered by it
  version         integer     not null   -- of the tenant's stream at the last change of the row: its ETag
);

-- The same by user: the tenants of each user.
create table memberships (
  user_id         uuid   not null,
  tenant_id       uuid   not null,
  role            text   not null,
  joined_position bigint not null
);

-- after load
alter table members add primary key (tenant_id, user_id);
create index members_joined_idx on members (tenant_id, joined_position);
alter table memberships add primary key (user_id, tenant_id);

-- before reading
alter table members enable row level security;
alter table members force row level security;
create policy projector_writes on members to {{projector}} using (true) with check (true);
create policy operator_reads on members for select to {{operator}} using (true);
create policy tenant_reads on members for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table memberships enable row level security;
alter table memberships force row level security;
create policy projector_writes on memberships to {{projector}} using (true) with check (true);
create policy operator_reads on memberships for select to {{operator}} using (true);
create policy user_reads on memberships for select to {{app}}
  using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
