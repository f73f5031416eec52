-- Money: whose customer is whose, what Stripe has told, and what it was asked for.
create schema billing;

-- Which company a customer of Stripe's is: by our own table, never by what an object says of itself. `account` is empty for
-- the installation's own; a company has one customer in each mode, until that is deleted.
create table billing.customers (
  account     text        not null,
  livemode    boolean     not null,
  customer_id text        not null,
  tenant_id   uuid        not null,
  created_at  timestamptz not null default now(),
  deleted_at  timestamptz,
  primary key (account, livemode, customer_id)
);
create unique index customers_tenant_idx on billing.customers (tenant_id, account, livemode) where deleted_at is null;

-- Every event that Stripe has told of, once. Kept as the text that was signed.
create table billing.inbox (
  account     text        not null,
  livemode    boolean     not null,
  event_id    text        not null,
  type        text        not null,
  customer_id text,
  created_at  timestamptz not null,  -- by Stripe's clock
  received_at timestamptz not null default now(),
  payload     text        not null,
  via         text        not null check (via in ('webhook', 'list')),  -- told, or found in Stripe's list
  -- pending: to be worked on; ignored: means nothing to us; quarantined: can not be understood; parked: failed too often
  state       text        not null check (state in ('pending', 'handled', 'ignored', 'quarantined', 'parked', 'skipped')),
  reason      text,
  handled_at  timestamptz,
  primary key (account, livemode, event_id)
);
create index inbox_pending_idx on billing.inbox (account, livemode, customer_id) where state = 'pending';
-- what does not say of whom it tells
create index inbox_nameless_idx on billing.inbox (received_at) where state = 'pending' and customer_id is null;
create index inbox_state_idx on billing.inbox (state, received_at);
create index inbox_created_idx on billing.inbox (livemode, created_at);

-- Customers to look at: at most one worker at each, whatever there is of them in the inbox.
create table billing.work (
  account      text        not null,
  livemode     boolean     not null,
  customer_id  text        not null,
  due_at       timestamptz not null default now(),
  attempts     integer     not null default 0,
  failing_since timestamptz,
  asked        integer     not null default 0,      -- how often since it was begun: what is asked for during a look is another look
  reconcile    boolean     not null default false,  -- asked for by us, and not by Stripe
  lease        uuid,
  leased_until timestamptz,
  primary key (account, livemode, customer_id)
);
create index work_due_idx on billing.work (due_at);

-- How far Stripe's list of events was read, by Stripe's clock.
create table billing.listed (
  account  text        not null,
  livemode boolean     not null,
  until    timestamptz not null,
  primary key (account, livemode)
);

-- What Stripe is asked to do, before it is asked: with the key by which it knows a repeat.
create table billing.calls (
  tenant_id       uuid        not null,
  call_id         uuid        not null,
  kind            text        not null check (kind in ('customer', 'checkout', 'portal', 'change')),
  idempotency_key text        not null,
  params          jsonb       not null,
  state           text        not null default 'pending' check (state in ('pending', 'done', 'failed')),
  result          jsonb,
  attempts        integer     not null default 0,
  asked_at        timestamptz not null default now(),
  due_at          timestamptz not null default now(),
  primary key (tenant_id, call_id)
);
create index calls_due_idx on billing.calls (due_at) where state = 'pending';
create index calls_recent_idx on billing.calls (tenant_id, kind, asked_at);

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

create policy owner_all on billing.customers to current_user using (true) with check (true);
create policy owner_all on billing.inbox to current_user using (true) with check (true);
create policy owner_all on billing.work to current_user using (true) with check (true);
create policy owner_all on billing.listed to current_user using (true) with check (true);
create policy owner_all on billing.calls to current_user using (true) with check (true);
create policy worker_all on billing.customers to {{projector}} using (true) with check (true);
create policy worker_all on billing.inbox to {{projector}} using (true) with check (true);
create policy worker_all on billing.work to {{projector}} using (true) with check (true);
create policy worker_all on billing.listed to {{projector}} using (true) with check (true);
create policy worker_all on billing.calls to {{projector}} using (true) with check (true);
create policy operator_reads on billing.customers for select to {{operator}} using (true);
create policy operator_reads on billing.inbox for select to {{operator}} using (true);
create policy operator_reads on billing.work for select to {{operator}} using (true);
create policy operator_reads on billing.listed for select to {{operator}} using (true);
create policy operator_reads on billing.calls for select to {{operator}} using (true);
create policy tenant_reads on billing.customers for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy tenant_writes on billing.customers for insert to {{app}}
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy tenant_works on billing.calls to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Takes in what Stripe tells, many at once; what was there before changes nothing. Whoever finds work of a customer by it
-- is told so.
create function billing.take_in(
  p_accounts text[], p_livemodes boolean[], p_event_ids text[], p_types text[], p_customers text[],
  p_created timestamptz[], p_payloads text[], p_states text[], p_reasons text[], p_via text
) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_fresh integer;
begin
  with told as (
    select distinct on (account, livemode, event_id) *
    from unnest(p_accounts, p_livemodes, p_event_ids, p_types, p_customers, p_created, p_payloads, p_states, p_reasons)
      as t(account, livemode, event_id, type, customer_id, created_at, payload, state, reason)
    order by account, livemode, event_id
  ), fresh as (
    insert into billing.inbox (account, livemode, event_id, type, customer_id, created_at, payload, state, reason, via)
    select account, livemode, event_id, type, customer_id, created_at, payload, state, reason, p_via from told
    on conflict do nothing
    returning account, livemode, customer_id, state
  ), due as (
    insert into billing.work as w (account, livemode, customer_id)
    select distinct account, livemode, customer_id from fresh where state = 'pending' and customer_id is not null
    order by account, livemode, customer_id
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, now())
    returning 1
  )
  select count(*) into v_fresh from due;
  return v_fresh;
end $$;

-- Whose an event is that did not say so; null: nobody's.
create function billing.name_event(p_account text, p_livemode boolean, p_event_id text, p_customer text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with named as (
    update billing.inbox set customer_id = p_customer,
      state = case when p_customer is null then 'quarantined' else state end,
      reason = case when p_customer is null then 'Stripe knows of no customer to whom it belongs' end
    where account = p_account and livemode = p_livemode and event_id = p_event_id and state = 'pending'
      and customer_id is null
    returning account, livemode, customer_id
  )
  insert into billing.work as w (account, livemode, customer_id)
  select account, livemode, customer_id from named where customer_id is not null
  on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, now()), asked = w.asked + 1;
$$;

-- Gives customers that are due to one worker, for so long: those of its own account and mode, of which alone it can ask. In
-- two steps, since a limit within `in` is a limit for each row where PostgreSQL takes the table for a small one.
create function billing.claim(p_account text, p_livemode boolean, p_limit integer, p_seconds integer)
returns table (account text, livemode boolean, customer_id text, lease uuid, attempts integer, failing_since timestamptz,
  asked integer, reconcile boolean)
language sql volatile set search_path = pg_catalog, pg_temp as $$
  with due as materialized (
    select u.account, u.livemode, u.customer_id from billing.work u
    where u.account = p_account and u.livemode = p_livemode
      and u.due_at <= now() and (u.leased_until is null or u.leased_until <= now())
    order by u.due_at limit p_limit for update skip locked)
  update billing.work w set lease = gen_random_uuid(), leased_until = now() + make_interval(secs => p_seconds)
  from due d where w.account = d.account and w.livemode = d.livemode and w.customer_id = d.customer_id
  returning w.account, w.livemode, w.customer_id, w.lease, w.attempts, w.failing_since, w.asked, w.reconcile;
$$;

-- Done with these events of a customer. What has come meanwhile, or was asked for, keeps the customer due. The row's lock, and
-- a fresh look after it, leave no gap in which something could come unnoticed. Says no where the lease has passed to somebody
-- else: then what was done may be older than what they did, and the customer is looked at once more.
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
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, now()), asked = w.asked + 1;
    return false;
  end if;
  update billing.inbox i set state = p_state, reason = p_reason, handled_at = now()
  where i.account = p_account and i.livemode = p_livemode and i.event_id = any (p_event_ids) and i.state = 'pending';
  if v_asked <> p_asked or exists (select from billing.inbox i where i.account = p_account and i.livemode = p_livemode
      and i.customer_id = p_customer and i.state = 'pending') then
    update billing.work w set lease = null, leased_until = null, attempts = 0, failing_since = null,
      reconcile = w.reconcile and v_asked <> p_asked, due_at = now()
    where w.account = p_account and w.livemode = p_livemode and w.customer_id = p_customer;
  else
    delete from billing.work w
    where w.account = p_account and w.livemode = p_livemode and w.customer_id = p_customer;
  end if;
  return true;
end $$;

-- Failed: once more after a pause.
create function billing.put_off(
  p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_ms integer
) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  update billing.work set lease = null, leased_until = null, attempts = attempts + 1,
    failing_since = coalesce(failing_since, now()), due_at = now() + make_interval(secs => p_ms / 1000.0)
  where account = p_account and livemode = p_livemode and customer_id = p_customer and lease = p_lease;
$$;

-- Asks for customers to be compared with Stripe: those of one company, or all.
create function billing.ask(p_account text, p_livemode boolean, p_tenant_id uuid) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with asked as (
    insert into billing.work as w (account, livemode, customer_id, reconcile)
    select account, livemode, customer_id, true from billing.customers
    where account = p_account and livemode = p_livemode and deleted_at is null
      and (p_tenant_id is null or tenant_id = p_tenant_id)
    order by customer_id
    on conflict (account, livemode, customer_id) do update
      set reconcile = true, due_at = least(w.due_at, now()), asked = w.asked + 1
    returning 1)
  select count(*)::integer from asked;
$$;

-- An operator wants an event to be tried again: as it is read now, which may be otherwise than when it came. Says what it is
-- then; null: it is nothing to try again.
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
    on conflict (account, livemode, customer_id) do update set due_at = now(), attempts = 0, failing_since = null)
  select state from retried;
$$;

-- The same for the company that asks, in answer to something that Stripe has been asked for.
create function billing.ask_for_me(p_account text, p_livemode boolean) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with asked as (
    insert into billing.work as w (account, livemode, customer_id)
    select account, livemode, customer_id from billing.customers
    where account = p_account and livemode = p_livemode and deleted_at is null
      and tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, now()), asked = w.asked + 1
    returning 1)
  select count(*)::integer from asked;
$$;

-- Whether somebody is still at work for the company that asks.
create function billing.is_at_work(p_account text, p_livemode boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from billing.work w join billing.customers c using (account, livemode, customer_id)
    where w.account = p_account and w.livemode = p_livemode
      and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
$$;

-- What Stripe told, behind what was decided for the company that asks.
create function billing.causes(p_event_ids text[])
returns table (event_id text, type text, created_at timestamptz, received_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.event_id, i.type, i.created_at, i.received_at
  from billing.inbox i join billing.customers c using (account, livemode, customer_id)
  where i.event_id = any (p_event_ids)
    and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid);
$$;

revoke all on function billing.take_in, billing.name_event, billing.claim, billing.finish, billing.put_off, billing.ask, billing.retry,
  billing.ask_for_me, billing.is_at_work, billing.causes from public;
grant usage on schema billing to {{app}}, {{projector}}, {{operator}};
grant select, insert on billing.customers to {{app}};
grant select, insert, update on billing.calls to {{app}};
grant select, update on billing.customers to {{projector}};
grant select, update, delete on billing.inbox to {{projector}};
grant select, insert, update, delete on billing.work to {{projector}};
grant select, insert, update on billing.listed to {{projector}};
grant select, update, delete on billing.calls to {{projector}};
grant select on billing.customers, billing.inbox, billing.work, billing.listed, billing.calls to {{operator}};
grant execute on function billing.take_in to {{app}}, {{projector}};
grant execute on function billing.name_event, billing.claim, billing.finish, billing.put_off, billing.ask, billing.retry to {{projector}};
grant execute on function billing.ask_for_me, billing.is_at_work, billing.causes to {{app}};

-- A company that is erased takes these along; Stripe keeps its own.
create or replace function erasing.erase_rows(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from identity.sessions where tenant_id = p_tenant_id;
  -- A repeat of the sign-up must not found the company again.
  delete from identity.sign_ups where tenant_id = p_tenant_id;
  delete from idempotency.keys where tenant_id = p_tenant_id;
  delete from event_log.snapshots where tenant_id = p_tenant_id;
  delete from plans.reservations where tenant_id = p_tenant_id;
  delete from plans.api_calls where tenant_id = p_tenant_id;
  delete from billing.inbox i using billing.customers c
    where c.tenant_id = p_tenant_id and (i.account, i.livemode, i.customer_id) = (c.account, c.livemode, c.customer_id);
  delete from billing.work w using billing.customers c
    where c.tenant_id = p_tenant_id and (w.account, w.livemode, w.customer_id) = (c.account, c.livemode, c.customer_id);
  delete from billing.calls where tenant_id = p_tenant_id;
  delete from billing.customers where tenant_id = p_tenant_id;
end $$;
