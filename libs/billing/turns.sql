-- Whose turn it is to have Stripe change something for a company: a checkout or a change reads what Stripe has, and then asks
-- for what follows from that, so two at once would both be carried out. By a lease, since no lock may be held while Stripe is
-- asked; what a killed process had is another's after a few seconds. Rows are gone when the turn is over, and those of killed
-- processes within the hour.
create table billing.turns (
  tenant_id uuid        not null primary key,
  holder    uuid        not null,
  until     timestamptz not null
);
alter table billing.turns enable row level security;
alter table billing.turns force row level security;
create policy owner_all on billing.turns to current_user using (true) with check (true);
create policy worker_all on billing.turns to {{projector}} using (true) with check (true);
create policy operator_reads on billing.turns for select to {{operator}} using (true);
create policy tenant_works on billing.turns to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Takes the turn, or goes on with one's own. Says no where it is another's.
create function billing.take_turn(p_tenant_id uuid, p_holder uuid, p_seconds integer) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp as $$
  with taken as (
    insert into billing.turns as t (tenant_id, holder, until)
    values (p_tenant_id, p_holder, now() + make_interval(secs => p_seconds))
    on conflict (tenant_id) do update set holder = excluded.holder, until = excluded.until
      where t.until <= now() or t.holder = excluded.holder
    returning 1)
  select exists (select from taken);
$$;

-- Whether somebody is at work for the company that asks, and has not failed at it: who waits for an answer waits no longer.
create function billing.is_well_at_work(p_account text, p_livemode boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from billing.work w join billing.customers c using (account, livemode, customer_id)
    where w.account = p_account and w.livemode = p_livemode and w.attempts = 0
      and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
$$;

revoke all on function billing.take_turn, billing.is_well_at_work from public;
grant select, insert, update, delete on billing.turns to {{app}}, {{projector}};
grant select on billing.turns to {{operator}};
grant execute on function billing.take_turn to {{app}}, {{projector}};
grant execute on function billing.is_well_at_work to {{app}};
