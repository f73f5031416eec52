-- Who belongs to which company, and as what.
create table members (
  tenant_id uuid        not null,
  person_id uuid        not null,
  role      text        not null,
  joined_at timestamptz not null
);

-- after load
alter table members add primary key (tenant_id, person_id);
create index members_person_idx on members (person_id);

-- before reading
alter table members enable row level security;
alter table members force row level security;
create policy projector_writes on members to {{projector}} using (true) with check (true);
create policy operator_reads on members for select to {{operator}} using (true);
create policy tenant_reads on members for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy person_reads on members for select to {{app}}
  using (person_id = (select nullif(current_setting('app.person_id', true), '')::uuid));
