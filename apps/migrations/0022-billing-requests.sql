-- Requests for the processing of customers, queries of the application, and the leases of tenants.

create function billing.ask(p_account text, p_livemode boolean, p_tenant_id uuid) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with asked as (
    insert into billing.work as w (account, livemode, customer_id, reconcile)
    select account, livemode, customer_id, true from billing.customers
    where account = p_account and livemode = p_livemode and deleted_at is null
      and (p_tenant_id is null or tenant_id = p_tenant_id)
    order by customer_id
    on conflict (account, livemode, customer_id) do update
      set reconcile = true, due_at = least(w.due_at, lease.now()), asked = w.asked + 1
    returning 1)
  select count(*)::integer from asked;
$$;
comment on function billing.ask is
  'Requests that the customers of one tenant, or of all tenants (null), are compared with Stripe. Returns their
  number.';

create function billing.ask_for_me(p_account text, p_livemode boolean) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with asked as (
    insert into billing.work as w (account, livemode, customer_id)
    select account, livemode, customer_id from billing.customers
    where account = p_account and livemode = p_livemode and deleted_at is null
      and tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, lease.now()), asked = w.asked + 1
    returning 1)
  select count(*)::integer from asked;
$$;
comment on function billing.ask_for_me is
  'Requests that the customer of the caller''s tenant is processed, after Stripe has answered a request. Returns the
  number of customers.';

create function billing.is_at_work(p_account text, p_livemode boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from billing.work w join billing.customers c using (account, livemode, customer_id)
    where w.account = p_account and w.livemode = p_livemode
      and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
$$;
comment on function billing.is_at_work is 'Whether a customer of the caller''s tenant is being processed or due.';

create function billing.is_well_at_work(p_account text, p_livemode boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from billing.work w join billing.customers c using (account, livemode, customer_id)
    where w.account = p_account and w.livemode = p_livemode and w.attempts = 0
      and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
$$;
comment on function billing.is_well_at_work is
  'Whether a customer of the caller''s tenant is being processed or due, and its processing has not failed: a request
  does not wait for processing that has failed.';

create function billing.causes(p_event_ids text[])
returns table (event_id text, type text, created_at timestamptz, received_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.event_id, i.type, i.created_at, i.received_at
  from billing.inbox i join billing.customers c using (account, livemode, customer_id)
  where i.event_id = any (p_event_ids)
    and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid);
$$;
comment on function billing.causes is 'The events of Stripe with these ids, if they belong to the caller''s tenant.';

create function billing.take_turn(p_tenant_id uuid, p_holder uuid, p_seconds integer) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp as $$
  with taken as (
    insert into billing.turns as t (tenant_id, holder, until)
    values (p_tenant_id, p_holder, lease.now() + make_interval(secs => p_seconds))
    on conflict (tenant_id) do update set holder = excluded.holder, until = excluded.until
      where t.until <= lease.now() or t.holder = excluded.holder
    returning 1)
  select exists (select from taken);
$$;
comment on function billing.take_turn is
  'Acquires or extends the lease of a tenant, for p_seconds. False: another process has it.';

revoke all on function billing.ask, billing.ask_for_me, billing.is_at_work, billing.is_well_at_work, billing.causes,
  billing.take_turn from public;
grant execute on function billing.ask to {{projector}};
grant execute on function billing.ask_for_me, billing.is_at_work, billing.is_well_at_work, billing.causes to {{app}};
grant execute on function billing.take_turn to {{app}}, {{projector}};
