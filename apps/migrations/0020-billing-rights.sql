-- Row-level security of billing.
alter table billing.customers enable row level security;
alter table billing.customers force row level security;
alter table billing.inbox enable row level security;
alter table billing.inbox force row level security;
alter table billing.work enable row level security;
alter table billing.work force row level security;
alter table billing.listed enable row level security;
alter table billing.listed force row level security;
alter table billing.calls enable row level security;
alter table billing.calls force row level security;
alter table billing.turns enable row level security;
alter table billing.turns force row level security;

create policy owner_all on billing.customers to current_user using (true) with check (true);
create policy owner_all on billing.inbox to current_user using (true) with check (true);
create policy owner_all on billing.work to current_user using (true) with check (true);
create policy owner_all on billing.listed to current_user using (true) with check (true);
create policy owner_all on billing.calls to current_user using (true) with check (true);
create policy owner_all on billing.turns to current_user using (true) with check (true);
create policy worker_all on billing.customers to {{projector}} using (true) with check (true);
create policy worker_all on billing.inbox to {{projector}} using (true) with check (true);
create policy worker_all on billing.work to {{projector}} using (true) with check (true);
create policy worker_all on billing.listed to {{projector}} using (true) with check (true);
create policy worker_all on billing.calls to {{projector}} using (true) with check (true);
create policy worker_all on billing.turns to {{projector}} using (true) with check (true);
create policy operator_reads on billing.customers for select to {{operator}} using (true);
create policy operator_reads on billing.inbox for select to {{operator}} using (true);
create policy operator_reads on billing.work for select to {{operator}} using (true);
create policy operator_reads on billing.listed for select to {{operator}} using (true);
create policy operator_reads on billing.calls for select to {{operator}} using (true);
create policy operator_reads on billing.turns for select to {{operator}} using (true);
create policy tenant_reads on billing.customers for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy tenant_writes on billing.customers for insert to {{app}}
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy tenant_works on billing.calls to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy tenant_works on billing.turns to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

grant usage on schema billing to {{app}}, {{projector}}, {{operator}};
grant select, insert on billing.customers to {{app}};
grant select, insert, update on billing.calls to {{app}};
grant select, insert, update, delete on billing.turns to {{app}}, {{projector}};
grant select, update on billing.customers to {{projector}};
grant select, update, delete on billing.inbox to {{projector}};
grant select, insert, update, delete on billing.work to {{projector}};
grant select, insert, update on billing.listed to {{projector}};
grant select, update, delete on billing.calls to {{projector}};
grant select on billing.customers, billing.inbox, billing.work, billing.listed, billing.calls, billing.turns to {{operator}};
