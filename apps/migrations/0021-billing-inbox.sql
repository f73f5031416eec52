-- The inbox of Stripe's events, and the processing of their customers.

create function billing.take_in(
  p_accounts text[], p_livemodes boolean[], p_event_ids text[], p_types text[], p_customers text[],
  p_created timestamptz[], p_payloads text[], p_states text[], p_reasons text[], p_via text
) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_fresh integer;
begin
  with received as (
    select distinct on (account, livemode, event_id) *
    from unnest(p_accounts, p_livemodes, p_event_ids, p_types, p_customers, p_created, p_payloads, p_states, p_reasons)
      as t(account, livemode, event_id, type, customer_id, created_at, payload, state, reason)
    order by account, livemode, event_id
  ), fresh as (
    insert into billing.inbox (account, livemode, event_id, type, customer_id, created_at, payload, state, reason, via)
    select account, livemode, event_id, type, customer_id, created_at, payload, state, reason, p_via from received
    on conflict do nothing
    returning account, livemode, customer_id, state
  ), due as (
    insert into billing.work as w (account, livemode, customer_id)
    select distinct account, livemode, customer_id from fresh where state = 'pending' and customer_id is not null
    order by account, livemode, customer_id
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, lease.now())
    returning 1
  )
  select count(*) into v_fresh from due;
  return v_fresh;
end $$;
comment on function billing.take_in is
  'Stores events of Stripe in the inbox. Events that are already stored are ignored. Returns the number of customers
  that have new work.';

create function billing.name_event(p_account text, p_livemode boolean, p_event_id text, p_customer text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with named as (
    update billing.inbox set customer_id = p_customer,
      state = case when p_customer is null then 'quarantined' else state end,
      reason = case when p_customer is null then 'at Stripe, the event belongs to no customer' end
    where account = p_account and livemode = p_livemode and event_id = p_event_id and state = 'pending'
      and customer_id is null
    returning account, livemode, customer_id
  )
  insert into billing.work as w (account, livemode, customer_id)
  select account, livemode, customer_id from named where customer_id is not null
  on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, lease.now()), asked = w.asked + 1;
$$;
comment on function billing.name_event is
  'Sets the customer of an event that did not contain one. Null: the event belongs to no customer and is quarantined.';

create function billing.claim(p_account text, p_livemode boolean, p_limit integer, p_seconds integer)
returns table (account text, livemode boolean, customer_id text, lease uuid, attempts integer, failing_since timestamptz,
  asked integer, reconcile boolean)
language sql volatile set search_path = pg_catalog, pg_temp as $$
  with due as materialized (
    select u.account, u.livemode, u.customer_id from billing.work u
    where u.account = p_account and u.livemode = p_livemode
      and u.due_at <= lease.now() and (u.leased_until is null or u.leased_until <= lease.now())
    order by u.due_at limit p_limit for update skip locked)
  update billing.work w set lease = gen_random_uuid(), leased_until = lease.now() + make_interval(secs => p_seconds)
  from due d where w.account = d.account and w.livemode = d.livemode and w.customer_id = d.customer_id
  returning w.account, w.livemode, w.customer_id, w.lease, w.attempts, w.failing_since, w.asked, w.reconcile;
$$;
comment on function billing.claim is
  'Leases at most p_limit due customers of one account and mode to a worker, for p_seconds. It selects them in a
  separate step, because PostgreSQL may apply a limit inside of `in` to each row if it assumes that the table is
  small.';

create function billing.finish(
  p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_asked integer, p_event_ids text[], p_state text,
  p_reason text
) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_asked integer;
begin
  select w.asked into v_asked from billing.work w
  where w.account = p_account and w.livemode = p_livemode and w.customer_id = p_customer and w.lease = p_lease for update;
  if not found then
    insert into billing.work as w (account, livemode, customer_id) values (p_account, p_livemode, p_customer)
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, lease.now()), asked = w.asked + 1;
    return false;
  end if;
  update billing.inbox i set state = p_state, reason = p_reason, handled_at = now()
  where i.account = p_account and i.livemode = p_livemode and i.event_id = any (p_event_ids) and i.state = 'pending';
  if v_asked <> p_asked or exists (select from billing.inbox i where i.account = p_account and i.livemode = p_livemode
      and i.customer_id = p_customer and i.state = 'pending') then
    update billing.work w set lease = null, leased_until = null, attempts = 0, failing_since = null,
      reconcile = w.reconcile and v_asked <> p_asked, due_at = lease.now()
    where w.account = p_account and w.livemode = p_livemode and w.customer_id = p_customer;
  else
    delete from billing.work w
    where w.account = p_account and w.livemode = p_livemode and w.customer_id = p_customer;
  end if;
  return true;
end $$;
comment on function billing.finish is
  'Ends the work on these events of a customer. If other events or requests have arrived in the meantime, the customer
  stays due; none can be missed, because the row is locked first and they are counted afterwards. False: another worker
  has the lease. Its result may be newer, so the customer is processed once more.';

create function billing.put_off(
  p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_ms integer
) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  update billing.work set lease = null, leased_until = null, attempts = attempts + 1,
    failing_since = coalesce(failing_since, lease.now()), due_at = lease.now() + make_interval(secs => p_ms / 1000.0)
  where account = p_account and livemode = p_livemode and customer_id = p_customer and lease = p_lease;
$$;
comment on function billing.put_off is
  'Releases a customer whose processing failed. It is due again after p_ms milliseconds.';

create function billing.retry(
  p_event_id text, p_type text, p_customer text, p_created timestamptz, p_state text, p_reason text
) returns text
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with retried as (
    update billing.inbox set type = p_type, customer_id = coalesce(p_customer, customer_id), created_at = p_created,
      state = p_state, reason = p_reason, handled_at = null
    where event_id = p_event_id and state in ('parked', 'quarantined', 'skipped')
    returning account, livemode, customer_id, state
  ), due as (
    insert into billing.work as w (account, livemode, customer_id)
    select distinct account, livemode, customer_id from retried where state = 'pending' and customer_id is not null
    on conflict (account, livemode, customer_id) do update set due_at = lease.now(), attempts = 0, failing_since = null)
  select state from retried;
$$;
comment on function billing.retry is
  'Has an event processed again at the request of an operator, as this release understands it. Returns its new state.
  Null: there is no such event, or it is not parked, quarantined or skipped.';

revoke all on function billing.take_in, billing.name_event, billing.claim, billing.finish, billing.put_off,
  billing.retry from public;
grant execute on function billing.take_in to {{app}}, {{projector}};
grant execute on function billing.name_event, billing.claim, billing.finish, billing.put_off, billing.retry to
  {{projector}};
