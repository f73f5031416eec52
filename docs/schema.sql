-- The whole database after all migrations, with every read model. `npm run schema` writes this file from the catalogue
-- of PostgreSQL. It is for reading, not for running. {{app}}, {{log}}, {{projector}}, {{operator}} and {{jobs}} are the
-- roles of the installation (libs/platform/database/roles/role-names.ts), {{owner}} is the user of DATABASE_URL.


-- ==== access ====

-- Access records: which credential sent the commands, and from where. Events name a record by its id, so that no event
-- contains an address or a user agent.
create schema access;
grant usage on schema access to {{app}}, {{operator}}, {{projector}};

-- One row for each credential, address and user agent. Rows are never deleted, because events name them.
create table access.records (
  id uuid not null,
  kind text not null,
  -- the session, API key or operator token, or the user whose password was wrong; null for kinds without a credential
  credential_id uuid,
  -- the user of the credential; null if it belongs to no user
  user_id uuid,
  -- the IP address of the client
  address text,
  user_agent text,
  first_seen timestamp with time zone not null default now(),
  -- moved at most once a minute by each process
  last_seen timestamp with time zone not null default now(),
  -- when address and user agent were erased: with the user, or after the time of retention
  erased_at timestamp with time zone,
  constraint records_pkey PRIMARY KEY (id),
  constraint records_check CHECK (((erased_at IS NULL) OR ((address IS NULL) AND (user_agent IS NULL)))),
  constraint records_kind_check CHECK ((kind = ANY (ARRAY['session'::text, 'password'::text, 'api-key'::text, 'operator-token'::text, 'stripe'::text, 'system'::text])))
);
CREATE INDEX records_credential_idx ON access.records USING btree (credential_id, last_seen DESC) WHERE (credential_id IS NOT NULL);
CREATE INDEX records_kept_idx ON access.records USING btree (last_seen) WHERE (erased_at IS NULL);
CREATE UNIQUE INDEX records_key ON access.records USING btree (kind, credential_id, address, user_agent) NULLS NOT DISTINCT WHERE (erased_at IS NULL);
CREATE INDEX records_user_idx ON access.records USING btree (user_id) WHERE (user_id IS NOT NULL);
alter table access.records enable row level security;
alter table access.records force row level security;
create policy own_rows on access.records as permissive for select to {{app}}
  using ((user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")));
create policy owner_all on access.records as permissive for all to {{owner}}
  using (true)
  with check (true);
grant select on access.records to {{app}};

-- Erases the addresses and user agents of at most p_limit records that were last used more than p_days days ago.
-- Returns their number. p_now is the time of the caller: the earlier of the two clocks counts, so that a clock that is
-- ahead erases nothing.
CREATE OR REPLACE FUNCTION access.erase_unused(p_days integer, p_limit integer, p_now timestamp with time zone)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with old as (
    update access.records set address = null, user_agent = null, erased_at = now()
    where id in (
      select id from access.records
      where erased_at is null and (address is not null or user_agent is not null)
        and last_seen < least(now(), p_now) - make_interval(days => p_days)
      order by last_seen limit p_limit for update skip locked)
    returning 1)
  select count(*)::integer from old;
$function$;
grant execute on function access.erase_unused(p_days integer, p_limit integer, p_now timestamp with time zone) to {{projector}};

-- Erases the addresses and user agents of a user.
CREATE OR REPLACE FUNCTION access.erase_user(p_user_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update access.records set address = null, user_agent = null, erased_at = now()
  where user_id = p_user_id and erased_at is null;
$function$;
-- Only the owner may call it.

-- The id of the record of an access. p_access has the fields id (for a new record), kind, credentialId, address and
-- userAgent. Null: p_access is null.
CREATE OR REPLACE FUNCTION access.find_or_create(p_access jsonb, p_user_id uuid)
 RETURNS uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into access.records as r (id, kind, credential_id, user_id, address, user_agent)
  select (p_access ->> 'id')::uuid, p_access ->> 'kind', (p_access ->> 'credentialId')::uuid, p_user_id,
    p_access ->> 'address', p_access ->> 'userAgent'
  where p_access is not null
  on conflict (kind, credential_id, address, user_agent) where erased_at is null
  do update set last_seen = greatest(r.last_seen, now()), user_id = coalesce(r.user_id, excluded.user_id)
  returning r.id;
$function$;
grant execute on function access.find_or_create(p_access jsonb, p_user_id uuid) to {{app}}, {{operator}}, {{projector}};

-- From where a credential was used last. It runs with the rights of its caller, who sees only their own records.
CREATE OR REPLACE FUNCTION access.last_client(p_credential_id uuid)
 RETURNS TABLE(address text, user_agent text)
 LANGUAGE sql
 STABLE
AS $function$
  select r.address, r.user_agent from access.records r
  where r.credential_id = p_credential_id order by r.last_seen desc limit 1;
$function$;
grant execute on function access.last_client(p_credential_id uuid) to {{app}};


-- ==== billing ====

-- Billing: the tenant of each Stripe customer, the events from Stripe (inbox), and the requests to Stripe (outbox).
create schema billing;
grant usage on schema billing to {{app}}, {{operator}}, {{projector}};

-- The outbox: requests to Stripe. Each is stored before it is sent, with the idempotency key by which Stripe recognises
-- a repeat.
create table billing.calls (
  tenant_id uuid not null,
  call_id uuid not null,
  kind text not null,
  idempotency_key text not null,
  params jsonb not null,
  state text not null default 'pending'::text,
  result jsonb,
  attempts integer not null default 0,
  -- in lease time
  asked_at timestamp with time zone not null default lease.now(),
  -- in lease time
  due_at timestamp with time zone not null default lease.now(),
  -- orders the requests of a tenant
  number bigint not null generated always as identity,
  constraint calls_pkey PRIMARY KEY (tenant_id, call_id),
  constraint calls_kind_check CHECK ((kind = ANY (ARRAY['customer'::text, 'checkout'::text, 'portal'::text, 'change'::text]))),
  constraint calls_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text])))
);
CREATE INDEX calls_changes_idx ON billing.calls USING btree (tenant_id, number) WHERE (kind = 'change'::text);
CREATE INDEX calls_due_idx ON billing.calls USING btree (due_at) WHERE (state = 'pending'::text);
CREATE INDEX calls_recent_idx ON billing.calls USING btree (tenant_id, kind, asked_at);
alter table billing.calls enable row level security;
alter table billing.calls force row level security;
create policy operator_reads on billing.calls as permissive for select to {{operator}}
  using (true);
create policy owner_all on billing.calls as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy tenant_works on billing.calls as permissive for all to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")))
  with check ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
create policy worker_all on billing.calls as permissive for all to {{projector}}
  using (true)
  with check (true);
grant insert, select, update on billing.calls to {{app}};
grant select on billing.calls to {{operator}};
grant delete, select, update on billing.calls to {{projector}};

-- The tenant of each Stripe customer. Only this table decides it, never the data of an object at Stripe. `account` is
-- empty for the installation's own account. A tenant has one customer in each mode, until that customer is deleted.
create table billing.customers (
  account text not null,
  livemode boolean not null,
  customer_id text not null,
  tenant_id uuid not null,
  created_at timestamp with time zone not null default now(),
  deleted_at timestamp with time zone,
  constraint customers_pkey PRIMARY KEY (account, livemode, customer_id)
);
CREATE UNIQUE INDEX customers_tenant_idx ON billing.customers USING btree (tenant_id, account, livemode) WHERE (deleted_at IS NULL);
alter table billing.customers enable row level security;
alter table billing.customers force row level security;
create policy operator_reads on billing.customers as permissive for select to {{operator}}
  using (true);
create policy owner_all on billing.customers as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy tenant_reads on billing.customers as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
create policy tenant_writes on billing.customers as permissive for insert to {{app}}
  with check ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
create policy worker_all on billing.customers as permissive for all to {{projector}}
  using (true)
  with check (true);
grant insert, select on billing.customers to {{app}};
grant select on billing.customers to {{operator}};
grant select, update on billing.customers to {{projector}};

-- The inbox: every event of Stripe once, as the text that Stripe has signed.
create table billing.inbox (
  account text not null,
  livemode boolean not null,
  event_id text not null,
  type text not null,
  customer_id text,
  -- by Stripe's clock
  created_at timestamp with time zone not null,
  received_at timestamp with time zone not null default now(),
  payload text not null,
  -- webhook: Stripe sent it to the webhook; list: it was found in Stripe's list of events
  via text not null,
  -- pending: waits for processing; handled: processed; ignored: requires no processing; quarantined: cannot be
  -- understood or assigned; parked: failed too often; skipped: by an operator
  state text not null,
  reason text,
  handled_at timestamp with time zone,
  -- when the search for the customer of the event failed for the first time, in lease time; after a day the event is
  -- parked
  failing_since timestamp with time zone,
  constraint inbox_pkey PRIMARY KEY (account, livemode, event_id),
  constraint inbox_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'handled'::text, 'ignored'::text, 'quarantined'::text, 'parked'::text, 'skipped'::text]))),
  constraint inbox_via_check CHECK ((via = ANY (ARRAY['webhook'::text, 'list'::text])))
);
CREATE INDEX inbox_created_idx ON billing.inbox USING btree (livemode, created_at);
CREATE INDEX inbox_nameless_idx ON billing.inbox USING btree (received_at) WHERE ((state = 'pending'::text) AND (customer_id IS NULL));
CREATE INDEX inbox_pending_idx ON billing.inbox USING btree (account, livemode, customer_id) WHERE (state = 'pending'::text);
CREATE INDEX inbox_state_idx ON billing.inbox USING btree (state, received_at);
alter table billing.inbox enable row level security;
alter table billing.inbox force row level security;
create policy operator_reads on billing.inbox as permissive for select to {{operator}}
  using (true);
create policy owner_all on billing.inbox as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy worker_all on billing.inbox as permissive for all to {{projector}}
  using (true)
  with check (true);
grant select on billing.inbox to {{operator}};
grant delete, select, update on billing.inbox to {{projector}};

-- The time, by Stripe's clock, up to which Stripe's list of events was read.
create table billing.listed (
  account text not null,
  livemode boolean not null,
  until timestamp with time zone not null,
  constraint listed_pkey PRIMARY KEY (account, livemode)
);
alter table billing.listed enable row level security;
alter table billing.listed force row level security;
create policy operator_reads on billing.listed as permissive for select to {{operator}}
  using (true);
create policy owner_all on billing.listed as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy worker_all on billing.listed as permissive for all to {{projector}}
  using (true)
  with check (true);
grant select on billing.listed to {{operator}};
grant insert, select, update on billing.listed to {{projector}};

-- Leases of tenants for changes at Stripe. A checkout or a change reads the subscription at Stripe and then sends a
-- request that depends on it, so two at the same time could both be executed. It is a lease, because no lock may be
-- held during a request to Stripe; the lease of a killed process ends after a few seconds. A row is deleted when its
-- lease is released, and after a crash within an hour.
create table billing.turns (
  tenant_id uuid not null,
  holder uuid not null,
  -- in lease time
  until timestamp with time zone not null,
  constraint turns_pkey PRIMARY KEY (tenant_id)
);
alter table billing.turns enable row level security;
alter table billing.turns force row level security;
create policy operator_reads on billing.turns as permissive for select to {{operator}}
  using (true);
create policy owner_all on billing.turns as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy tenant_works on billing.turns as permissive for all to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")))
  with check ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
create policy worker_all on billing.turns as permissive for all to {{projector}}
  using (true)
  with check (true);
grant delete, insert, select, update on billing.turns to {{app}}, {{projector}};
grant select on billing.turns to {{operator}};

-- Customers to process: one row for each customer, however many of its events are in the inbox. One worker at a time
-- processes a customer, under a lease.
create table billing.work (
  account text not null,
  livemode boolean not null,
  customer_id text not null,
  -- in lease time
  due_at timestamp with time zone not null default lease.now(),
  attempts integer not null default 0,
  -- in lease time
  failing_since timestamp with time zone,
  -- number of requests: if it has changed when the work ends, the customer is processed once more
  asked integer not null default 0,
  -- true: requested by a reconciliation, not by an event
  reconcile boolean not null default false,
  lease uuid,
  -- in lease time
  leased_until timestamp with time zone,
  constraint work_pkey PRIMARY KEY (account, livemode, customer_id)
);
CREATE INDEX work_due_idx ON billing.work USING btree (due_at);
alter table billing.work enable row level security;
alter table billing.work force row level security;
create policy operator_reads on billing.work as permissive for select to {{operator}}
  using (true);
create policy owner_all on billing.work as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy worker_all on billing.work as permissive for all to {{projector}}
  using (true)
  with check (true);
grant select on billing.work to {{operator}};
grant delete, insert, select, update on billing.work to {{projector}};

-- Requests that the customers of one tenant, or of all tenants (null), are compared with Stripe. Returns their number.
CREATE OR REPLACE FUNCTION billing.ask(p_account text, p_livemode boolean, p_tenant_id uuid)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function billing.ask(p_account text, p_livemode boolean, p_tenant_id uuid) to {{projector}};

-- Requests that the customer of the caller's tenant is processed, after Stripe has answered a request. Returns the
-- number of customers.
CREATE OR REPLACE FUNCTION billing.ask_for_me(p_account text, p_livemode boolean)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with asked as (
    insert into billing.work as w (account, livemode, customer_id)
    select account, livemode, customer_id from billing.customers
    where account = p_account and livemode = p_livemode and deleted_at is null
      and tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    on conflict (account, livemode, customer_id) do update set due_at = least(w.due_at, lease.now()), asked = w.asked + 1
    returning 1)
  select count(*)::integer from asked;
$function$;
grant execute on function billing.ask_for_me(p_account text, p_livemode boolean) to {{app}};

-- The events of Stripe with these ids, if they belong to the caller's tenant.
CREATE OR REPLACE FUNCTION billing.causes(p_event_ids text[])
 RETURNS TABLE(event_id text, type text, created_at timestamp with time zone, received_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select i.event_id, i.type, i.created_at, i.received_at
  from billing.inbox i join billing.customers c using (account, livemode, customer_id)
  where i.event_id = any (p_event_ids)
    and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid);
$function$;
grant execute on function billing.causes(p_event_ids text[]) to {{app}};

-- Leases at most p_limit due customers of one account and mode to a worker, for p_seconds. It selects them in a
-- separate step, because PostgreSQL may apply a limit inside of `in` to each row if it assumes that the table is small.
CREATE OR REPLACE FUNCTION billing.claim(p_account text, p_livemode boolean, p_limit integer, p_seconds integer)
 RETURNS TABLE(account text, livemode boolean, customer_id text, lease uuid, attempts integer, failing_since timestamp with time zone, asked integer, reconcile boolean)
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with due as materialized (
    select u.account, u.livemode, u.customer_id from billing.work u
    where u.account = p_account and u.livemode = p_livemode
      and u.due_at <= lease.now() and (u.leased_until is null or u.leased_until <= lease.now())
    order by u.due_at limit p_limit for update skip locked)
  update billing.work w set lease = gen_random_uuid(), leased_until = lease.now() + make_interval(secs => p_seconds)
  from due d where w.account = d.account and w.livemode = d.livemode and w.customer_id = d.customer_id
  returning w.account, w.livemode, w.customer_id, w.lease, w.attempts, w.failing_since, w.asked, w.reconcile;
$function$;
grant execute on function billing.claim(p_account text, p_livemode boolean, p_limit integer, p_seconds integer) to {{projector}};

-- Deletes the customers of a tenant, with their events, work and requests. The data at Stripe is not changed.
CREATE OR REPLACE FUNCTION billing.erase_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from billing.inbox i using billing.customers c
    where c.tenant_id = p_tenant_id and (i.account, i.livemode, i.customer_id) = (c.account, c.livemode, c.customer_id);
  delete from billing.work w using billing.customers c
    where c.tenant_id = p_tenant_id and (w.account, w.livemode, w.customer_id) = (c.account, c.livemode, c.customer_id);
  delete from billing.calls where tenant_id = p_tenant_id;
  delete from billing.customers where tenant_id = p_tenant_id;
$function$;
-- Only the owner may call it.

-- Ends the work on these events of a customer. If other events or requests have arrived in the meantime, the customer
-- stays due; none can be missed, because the row is locked first and they are counted afterwards. False: another worker
-- has the lease. Its result may be newer, so the customer is processed once more.
CREATE OR REPLACE FUNCTION billing.finish(p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_asked integer, p_event_ids text[], p_state text, p_reason text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$;
grant execute on function billing.finish(p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_asked integer, p_event_ids text[], p_state text, p_reason text) to {{projector}};

-- Whether a customer of the caller's tenant is being processed or due.
CREATE OR REPLACE FUNCTION billing.is_at_work(p_account text, p_livemode boolean)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select exists (select from billing.work w join billing.customers c using (account, livemode, customer_id)
    where w.account = p_account and w.livemode = p_livemode
      and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
$function$;
grant execute on function billing.is_at_work(p_account text, p_livemode boolean) to {{app}};

-- Whether a customer of the caller's tenant is being processed or due, and its processing has not failed: a request
-- does not wait for processing that has failed.
CREATE OR REPLACE FUNCTION billing.is_well_at_work(p_account text, p_livemode boolean)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select exists (select from billing.work w join billing.customers c using (account, livemode, customer_id)
    where w.account = p_account and w.livemode = p_livemode and w.attempts = 0
      and c.tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
$function$;
grant execute on function billing.is_well_at_work(p_account text, p_livemode boolean) to {{app}};

-- Sets the customer of an event that did not contain one. Null: the event belongs to no customer and is quarantined.
CREATE OR REPLACE FUNCTION billing.name_event(p_account text, p_livemode boolean, p_event_id text, p_customer text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function billing.name_event(p_account text, p_livemode boolean, p_event_id text, p_customer text) to {{projector}};

-- Releases a customer whose processing failed. It is due again after p_ms milliseconds.
CREATE OR REPLACE FUNCTION billing.put_off(p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_ms integer)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update billing.work set lease = null, leased_until = null, attempts = attempts + 1,
    failing_since = coalesce(failing_since, lease.now()), due_at = lease.now() + make_interval(secs => p_ms / 1000.0)
  where account = p_account and livemode = p_livemode and customer_id = p_customer and lease = p_lease;
$function$;
grant execute on function billing.put_off(p_account text, p_livemode boolean, p_customer text, p_lease uuid, p_ms integer) to {{projector}};

-- Has an event processed again at the request of an operator, as this release understands it. Returns its new state.
-- Null: there is no such event, or it is not parked, quarantined or skipped.
CREATE OR REPLACE FUNCTION billing.retry(p_event_id text, p_type text, p_customer text, p_created timestamp with time zone, p_state text, p_reason text)
 RETURNS text
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function billing.retry(p_event_id text, p_type text, p_customer text, p_created timestamp with time zone, p_state text, p_reason text) to {{projector}};

-- Stores events of Stripe in the inbox. Events that are already stored are ignored. Returns the number of customers
-- that have new work.
CREATE OR REPLACE FUNCTION billing.take_in(p_accounts text[], p_livemodes boolean[], p_event_ids text[], p_types text[], p_customers text[], p_created timestamp with time zone[], p_payloads text[], p_states text[], p_reasons text[], p_via text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$;
grant execute on function billing.take_in(p_accounts text[], p_livemodes boolean[], p_event_ids text[], p_types text[], p_customers text[], p_created timestamp with time zone[], p_payloads text[], p_states text[], p_reasons text[], p_via text) to {{app}}, {{projector}};

-- Acquires or extends the lease of a tenant, for p_seconds. False: another process has it.
CREATE OR REPLACE FUNCTION billing.take_turn(p_tenant_id uuid, p_holder uuid, p_seconds integer)
 RETURNS boolean
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with taken as (
    insert into billing.turns as t (tenant_id, holder, until)
    values (p_tenant_id, p_holder, lease.now() + make_interval(secs => p_seconds))
    on conflict (tenant_id) do update set holder = excluded.holder, until = excluded.until
      where t.until <= lease.now() or t.holder = excluded.holder
    returning 1)
  select exists (select from taken);
$function$;
grant execute on function billing.take_turn(p_tenant_id uuid, p_holder uuid, p_seconds integer) to {{app}}, {{projector}};


-- ==== bullmq ====

-- The job queues. BullMQ creates its tables and functions by itself (libs/platform/jobs/schema.ts). The role of jobs
-- may create nothing here, because at the next upgrade the owner would run it: the schema is on the search path then.
create schema bullmq;
grant usage on schema bullmq to {{jobs}};

create sequence bullmq.event_seq as bigint start with 1 increment by 1 cache 1;
grant usage on sequence bullmq.event_seq to {{jobs}};

create sequence bullmq.job_seq as bigint start with 1 increment by 1 cache 1;
grant usage on sequence bullmq.job_seq to {{jobs}};

create sequence bullmq.relay_mid_seq as bigint start with 1 increment by 1 cache 1;
grant usage on sequence bullmq.relay_mid_seq to {{jobs}};


-- ==== erasing ====

-- Erasures of closed tenants that are in progress. They are stored outside of the read models, so that an interrupted
-- erasure is completed even if the event that closed the tenant is already deleted.
create schema erasing;
grant usage on schema erasing to {{operator}}, {{projector}};

-- One row for each erasure that is not complete.
create table erasing.erasures (
  tenant_id uuid not null,
  -- position of the last event of the log when the erasure began or when the events were deleted: the tenant has no
  -- later event
  head numeric(20,0) not null,
  begun_at timestamp with time zone not null default now(),
  -- when the events were deleted: later appends are refused
  deleted_at timestamp with time zone,
  -- fencing token, raised by each worker that begins an attempt
  attempt integer not null default 0,
  constraint erasures_pkey PRIMARY KEY (tenant_id)
);
alter table erasing.erasures enable row level security;
alter table erasing.erasures force row level security;
create policy operator_reads on erasing.erasures as permissive for select to {{operator}}
  using (true);
create policy projector_works on erasing.erasures as permissive for all to {{projector}}
  using (true)
  with check (true);
grant select on erasing.erasures to {{operator}};
grant delete, insert, select, update (attempt, deleted_at, head) on erasing.erasures to {{projector}};

-- Deletes all data of a tenant except its events and its rows in read models. Its users are kept, because they may be
-- members of other tenants.
CREATE OR REPLACE FUNCTION erasing.erase_rows(p_tenant_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  perform identity.erase_tenant(p_tenant_id);
  perform idempotency.erase_tenant(p_tenant_id);
  perform event_log.erase_snapshots(p_tenant_id);
  perform plans.erase_tenant(p_tenant_id);
  perform billing.erase_tenant(p_tenant_id);
  perform projecting.erase_tenant(p_tenant_id);
  perform reacting.erase_tenant(p_tenant_id);
end $function$;
grant execute on function erasing.erase_rows(p_tenant_id uuid) to {{projector}};


-- ==== event_log ====

-- The event log: one table with one row for each event. The order of positions is the order of commits, because
-- positions are assigned under an advisory lock that is held until the commit. So a reader that reads the positions
-- after its checkpoint cannot miss an event that is still being written.
create schema event_log;
grant usage on schema event_log to {{app}}, {{log}}, {{operator}}, {{projector}};

-- The answer to one append of a batch.
create type event_log.append_outcome as (
  -- number of the append in the batch, from 1
  ord integer,
  -- a(ppended), r(epeated), c(onflict)
  outcome "char",
  -- version of the stream: after the append, or the present one if there was a conflict
  version integer,
  last_position bigint,
  -- ms since 1970; valid only if the append was written now
  recorded_at bigint
);

-- Identifies an event and its log.
create type event_log.mark as (
  log_id uuid,
  "position" numeric,
  event_id uuid,
  command_id uuid,
  -- tenant of the event: if the event is missing, the erasure of this tenant may be the reason
  tenant_id uuid
);

-- A sequence and not max(position) + 1, because the positions of an erased tenant must never be used again.
create sequence event_log.positions as bigint start with 1 increment by 1 cache 1;
grant select, usage on sequence event_log.positions to {{log}};
grant select on sequence event_log.positions to {{operator}}, {{projector}};

-- The ids of erased tenants. They are kept for ever, and nothing else is kept of these tenants.
create table event_log.erased_tenants (
  tenant_id uuid not null,
  erased_at timestamp with time zone not null default now(),
  constraint erased_tenants_pkey PRIMARY KEY (tenant_id)
);
alter table event_log.erased_tenants enable row level security;
alter table event_log.erased_tenants force row level security;
create policy log_reads on event_log.erased_tenants as permissive for select to {{log}}
  using (true);
create policy operator_reads on event_log.erased_tenants as permissive for select to {{operator}}
  using (true);
create policy owner_all on event_log.erased_tenants as permissive for all to {{owner}}
  using (true)
  with check (true);
grant select on event_log.erased_tenants to {{log}}, {{operator}};

-- Every event, in the order of its position.
create table event_log.events (
  "position" bigint not null,
  recorded_at timestamp with time zone not null,
  command_id uuid not null,
  aggregate_id uuid not null,
  -- null: the stream is outside of all tenants (users, operators)
  tenant_id uuid,
  -- only with actor_kind 'u' and 'o'
  actor_id uuid,
  -- null: equal to the command id
  causation_id uuid,
  -- the access record: which credential sent the command, and from where; null: not known
  access_id uuid,
  -- 1 for the first event of the stream
  version integer not null,
  -- number of the event in its append, from 0; the event id is uuidv5(command_id, ordinal)
  ordinal smallint not null,
  schema_version smallint not null,
  -- u (user), o (operator), s (Stripe), y (system)
  actor_kind "char" not null,
  aggregate text not null,
  type text not null,
  -- null: equal to the command id
  correlation_id text,
  -- json and not jsonb: it is written once and always read as a whole, and jsonb is larger and must be converted on
  -- each read
  data json not null,
  constraint events_pkey PRIMARY KEY ("position"),
  constraint events_stream_key UNIQUE (aggregate_id, aggregate, version)
);
CREATE UNIQUE INDEX events_command_key ON event_log.events USING btree (command_id) WITH (fillfactor='100') WHERE (ordinal = 0);
CREATE INDEX events_tenant_idx ON event_log.events USING btree (tenant_id, (("position" >> 16))) WHERE (tenant_id IS NOT NULL);
alter table event_log.events enable row level security;
alter table event_log.events force row level security;
create policy log_writes on event_log.events as permissive for all to {{log}}
  using (true)
  with check (((tenant_id IS NULL) OR (NOT (EXISTS ( SELECT
   FROM event_log.erased_tenants e
  WHERE (e.tenant_id = events.tenant_id))))));
create policy operator_reads on event_log.events as permissive for select to {{operator}}
  using (true);
create policy owner_erases on event_log.events as permissive for all to {{owner}}
  using (true);
create policy projector_reads on event_log.events as permissive for select to {{projector}}
  using (true);
create policy tenant_reads on event_log.events as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on event_log.events to {{app}}, {{operator}}, {{projector}};
grant insert, select on event_log.events to {{log}};

-- The id of this log, and its epoch, which is raised after each restore of an older copy. Every mark of the log
-- (checkpoints, snapshots, states in memory) contains the id of the log and of one of its events, so that a mark from
-- before a restore is recognised.
create table event_log.identity (
  only_row boolean not null default true,
  log_id uuid not null default gen_random_uuid(),
  epoch integer not null default 1,
  epoch_began_at timestamp with time zone not null default now(),
  constraint identity_pkey PRIMARY KEY (only_row),
  constraint identity_only_row_check CHECK (only_row)
);
grant select on event_log.identity to {{log}}, {{operator}}, {{projector}};

-- Snapshots: the states of long streams. If a row is missing or has another fold version, the whole stream is read.
create table event_log.snapshots (
  tenant_id uuid,
  aggregate_id uuid not null,
  aggregate text not null,
  fold_version integer not null,
  version integer not null,
  state json not null,
  -- command of the last event in the state: it identifies the event, because after a restore another event may have the
  -- same version
  command_id uuid,
  constraint snapshots_pkey PRIMARY KEY (aggregate_id, aggregate)
);
alter table event_log.snapshots enable row level security;
alter table event_log.snapshots force row level security;
create policy log_snapshots on event_log.snapshots as permissive for all to {{log}}
  using (true)
  with check (true);
create policy owner_erases on event_log.snapshots as permissive for all to {{owner}}
  using (true);
grant delete, insert, select, update on event_log.snapshots to {{log}};

-- Appends a batch. Each append gets its own answer: a conflict fails only the append that has it. A batch must not
-- contain a stream or a command twice. If the caller knows the command of the event at the expected version, the
-- command is compared as well, because after a restore of an older copy another event may have that version.
CREATE OR REPLACE FUNCTION event_log.append(command_ids uuid[], tenant_ids uuid[], aggregates text[], aggregate_ids uuid[], expected integer[], counts integer[], actor_kinds text[], actor_ids uuid[], causation_ids uuid[], correlations text[], ordinals smallint[], owners integer[], types text[], versions smallint[], payloads text[], expected_commands uuid[], access_ids uuid[])
 RETURNS SETOF event_log.append_outcome
 LANGUAGE plpgsql
AS $function$
declare
  stamp timestamptz;
begin
  perform pg_catalog.pg_advisory_xact_lock(7301946);
  perform event_log.raise_positions();
  -- One time for the whole batch, read under the lock, so that times have the same order as positions.
  stamp := date_trunc('milliseconds', clock_timestamp());
  return query
  with appends as materialized (
    select a.*, coalesce(last.version, 0) as current,
      a.expected = -1 or (a.expected = coalesce(last.version, 0)
        and coalesce(a.expected_command = last.command_id, true)) as fits,
      prior.version as prior_version, prior.position as prior_position
    from unnest(command_ids, tenant_ids, aggregates, aggregate_ids, expected, counts, actor_kinds, actor_ids,
                causation_ids, correlations, expected_commands, access_ids)
      with ordinality as a (command_id, tenant_id, aggregate, aggregate_id, expected, count, actor_kind, actor_id,
                            causation_id, correlation, expected_command, access_id, ord)
    left join lateral (
      select e.version, e.command_id from event_log.events e
      where e.aggregate_id = a.aggregate_id and e.aggregate = a.aggregate
      order by e.version desc limit 1
    ) last on true
    left join lateral (
      select l.version, l.position
      from event_log.events f
      join event_log.events l on l.aggregate_id = f.aggregate_id and l.aggregate = f.aggregate
        and l.version >= f.version and l.command_id = f.command_id
      where f.command_id = a.command_id and f.ordinal = 0
      order by l.version desc limit 1
    ) prior on true
  ), written as (
    insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
      access_id, version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
    select nextval('event_log.positions'), stamp, e.command_id, e.aggregate_id, e.tenant_id, e.actor_id,
      e.causation_id, e.access_id, e.version, e.ordinal, e.schema_version, e.actor_kind::"char", e.aggregate, e.type, e.correlation,
      e.payload::json
    from (
      select a.*, v.ordinal, a.current + v.ordinal + 1 as version, v.type, v.schema_version, v.payload
      from unnest(ordinals, owners, types, versions, payloads)
        with ordinality as v (ordinal, owner, type, schema_version, payload, place)
      join appends a on a.ord = v.owner
      where a.prior_version is null and a.fits
      order by v.place
    ) e
    returning position, command_id
  )
  select a.ord::integer,
    (case when a.prior_version is not null then 'r' when w.position is not null then 'a' else 'c' end)::"char",
    case when a.prior_version is not null then a.prior_version
         when w.position is not null then a.current + a.count else a.current end,
    coalesce(a.prior_position, w.position), (extract(epoch from stamp) * 1000)::bigint
  from appends a
  left join (select command_id, max(position) as position from written group by command_id) w using (command_id);
end
$function$;
grant execute on function event_log.append(command_ids uuid[], tenant_ids uuid[], aggregates text[], aggregate_ids uuid[], expected integer[], counts integer[], actor_kinds text[], actor_ids uuid[], causation_ids uuid[], correlations text[], ordinals smallint[], owners integer[], types text[], versions smallint[], payloads text[], expected_commands uuid[], access_ids uuid[]) to {{log}};

-- Appends a batch in which each append has an expected version. It costs half as much as event_log.append, because it
-- is one insert from the arrays. One element of each array is one event, and positions are assigned in the order of the
-- arrays, without gaps. Returns the last position, and the time in ms since 1970. Null or a unique violation: nothing
-- of the batch was written, and event_log.append returns the outcome of each append.
CREATE OR REPLACE FUNCTION event_log.append_expected(command_ids uuid[], tenant_ids uuid[], aggregates text[], aggregate_ids uuid[], expected integer[], ordinals smallint[], actor_kinds "char"[], actor_ids uuid[], causation_ids uuid[], correlations text[], types text[], schema_versions smallint[], payloads json[], expected_commands uuid[], access_ids uuid[])
 RETURNS bigint[]
 LANGUAGE plpgsql
AS $function$
declare
  locked text;
  stamp  timestamptz;
begin
  locked := pg_catalog.pg_advisory_xact_lock(7301946);
  -- A separate statement, so that it sees the log as it is under the lock. It checks only that the expected version
  -- exists: a later event violates a unique index at the insert, also in a stream that was expected to be new. The
  -- scalar subquery is an index look-up for each row; not exists might be planned as a join that reads the whole table.
  if exists (
    select from unnest(aggregate_ids, aggregates, expected, expected_commands) as a (aggregate_id, aggregate, version, command_id)
    where a.version > 0 and (
      select e.command_id is distinct from coalesce(a.command_id, e.command_id) from event_log.events e
      where e.aggregate_id = a.aggregate_id and e.aggregate = a.aggregate and e.version = a.version) is not false
  ) or (select s.last_value - (not s.is_called)::integer from event_log.positions s)
    < (select max(position) from event_log.events) then
    return null;
  end if;
  stamp := date_trunc('milliseconds', clock_timestamp());
  insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
    access_id, version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
  select nextval('event_log.positions'), stamp, e.command_id, e.aggregate_id, e.tenant_id, e.actor_id, e.causation_id,
    e.access_id, e.expected + e.ordinal + 1, e.ordinal, e.schema_version, e.actor_kind, e.aggregate, e.type, e.correlation, e.payload
  from unnest(command_ids, tenant_ids, aggregates, aggregate_ids, expected, ordinals, actor_kinds, actor_ids,
              causation_ids, correlations, types, schema_versions, payloads, access_ids)
    as e (command_id, tenant_id, aggregate, aggregate_id, expected, ordinal, actor_kind, actor_id,
          causation_id, correlation, type, schema_version, payload, access_id);
  return array[currval('event_log.positions'), (extract(epoch from stamp) * 1000)::bigint];
end
$function$;
grant execute on function event_log.append_expected(command_ids uuid[], tenant_ids uuid[], aggregates text[], aggregate_ids uuid[], expected integer[], ordinals smallint[], actor_kinds "char"[], actor_ids uuid[], causation_ids uuid[], correlations text[], types text[], schema_versions smallint[], payloads json[], expected_commands uuid[], access_ids uuid[]) to {{log}};

-- Appends one event, with one append. Returns its position, and its time in ms since 1970. Null or a unique violation:
-- nothing was written, and event_log.append returns the reason.
CREATE OR REPLACE FUNCTION event_log.append_one(p_command_id uuid, p_tenant_id uuid, p_aggregate text, p_aggregate_id uuid, p_expected integer, p_actor_kind "char", p_actor_id uuid, p_causation_id uuid, p_correlation text, p_type text, p_schema_version smallint, p_payload json, p_expected_command uuid, p_access_id uuid)
 RETURNS bigint[]
 LANGUAGE plpgsql
AS $function$
declare
  locked text;
  stamp  timestamptz;
  place  bigint;
begin
  locked := pg_catalog.pg_advisory_xact_lock(7301946);
  place := nextval('event_log.positions');
  -- A separate statement, so that it sees the log as it is under the lock. The last event has a lower position than the
  -- next one, unless the sequence is behind. max() reads the end of the index; an exists with a comparison of positions
  -- would read the whole table if its plan was made while the table was small.
  if (select max(e.position) from event_log.events e) >= place or (p_expected > 0 and (
    select e.command_id is distinct from coalesce(p_expected_command, e.command_id) from event_log.events e
    where e.aggregate_id = p_aggregate_id and e.aggregate = p_aggregate and e.version = p_expected) is not false
  ) then
    return null;
  end if;
  stamp := date_trunc('milliseconds', clock_timestamp());
  p_expected := p_expected + 1;
  insert into event_log.events (position, recorded_at, command_id, aggregate_id, tenant_id, actor_id, causation_id,
    access_id, version, ordinal, schema_version, actor_kind, aggregate, type, correlation_id, data)
  values (place, stamp, p_command_id, p_aggregate_id, p_tenant_id, p_actor_id, p_causation_id, p_access_id,
    p_expected, 0, p_schema_version, p_actor_kind, p_aggregate, p_type, p_correlation, p_payload);
  return array[place, (extract(epoch from stamp) * 1000)::bigint];
end
$function$;
grant execute on function event_log.append_one(p_command_id uuid, p_tenant_id uuid, p_aggregate text, p_aggregate_id uuid, p_expected integer, p_actor_kind "char", p_actor_id uuid, p_causation_id uuid, p_correlation text, p_type text, p_schema_version smallint, p_payload json, p_expected_command uuid, p_access_id uuid) to {{log}};

-- Called when an event that a process has seen is missing from the log. Raises the epoch only if it is still the one
-- that the caller has seen (p_seen), so once for all processes that notice at the same time. Returns the present
-- identity.
CREATE OR REPLACE FUNCTION event_log.begin_epoch(p_seen integer)
 RETURNS SETOF event_log.identity
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update event_log.identity set epoch = epoch + 1, epoch_began_at = now() where epoch = p_seen;
  return query select * from event_log.identity;
end $function$;
grant execute on function event_log.begin_epoch(p_seen integer) to {{log}};

-- Marks a tenant as erased, from the commit on. It acquires the lock of the appends: events that were written before
-- are visible to the deletion that follows, and later appends see the mark and are refused.
CREATE OR REPLACE FUNCTION event_log.bury_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(7301946);
  insert into event_log.erased_tenants (tenant_id) values (p_tenant_id) on conflict do nothing;
end $function$;
grant execute on function event_log.bury_tenant(p_tenant_id uuid) to {{log}};

-- Deletes the snapshots of a tenant. They are in this database even if the events are in EventStoreDB.
CREATE OR REPLACE FUNCTION event_log.erase_snapshots(p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from event_log.snapshots where tenant_id = p_tenant_id;
$function$;
-- Only the owner may call it.

-- Deletes the events and snapshots of a tenant, and returns the number of events. Only the owner may delete events, so
-- this function is the only way for the role of the log to do it.
CREATE OR REPLACE FUNCTION event_log.erase_tenant(p_tenant_id uuid)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  erased bigint;
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from event_log.snapshots where tenant_id = p_tenant_id;
  delete from event_log.events where tenant_id = p_tenant_id;
  get diagnostics erased = row_count;
  return erased;
end
$function$;
grant execute on function event_log.erase_tenant(p_tenant_id uuid) to {{log}};

-- Raises the sequence of positions to the last event, if a restore or an upgrade left it behind. Returns the position
-- of that event, or null if the sequence was not behind.
CREATE OR REPLACE FUNCTION event_log.raise_positions()
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  head bigint;
begin
  perform pg_advisory_xact_lock(7301946);
  head := (select max(position) from event_log.events);
  if head > (select last_value - (not is_called)::integer from event_log.positions) then
    perform setval('event_log.positions', head);
    return head;
  end if;
  return null;
end $function$;
grant execute on function event_log.raise_positions() to {{log}};


-- ==== idempotency ====

-- Idempotency keys of clients, each with its command and its answer. They are kept for 24 hours.
create schema idempotency;
grant usage on schema idempotency to {{app}}, {{projector}};

-- The answer to a claim.
create type idempotency.claim as (
  -- c(laimed), m(ismatch), b(usy), a(nswered)
  outcome "char",
  command_id uuid,
  attempt integer,
  status smallint,
  answer bytea,
  token_hash bytea
);

-- One row for each key of a client.
create table idempotency.keys (
  -- the nil UUID for a request without a signed-in user
  tenant_id uuid not null,
  -- a keyed hash of tenant, user or address, and the key; none of them can be derived from it
  key_id uuid not null,
  command_id uuid not null,
  -- hash of method, path, preconditions and body
  request_hash bytea not null,
  -- fencing token: the number of claims, so that a request that has lost its claim cannot settle the key
  attempt integer not null,
  -- in lease time: with a wall clock that was wrong, keys could be deleted too early, and a repeated request could take
  -- effect twice
  created_at timestamp with time zone not null,
  -- in lease time
  leased_until timestamp with time zone not null,
  -- null: no answer yet
  status smallint,
  -- encrypted by the process, because answers may contain tokens
  answer bytea,
  -- the user whose personal data the answer may contain: the erasure of the user deletes the row
  user_id uuid,
  -- SHA-256 of the refresh token in the answer, which is not replayed when that token is no longer valid; null: none
  token_hash bytea,
  constraint keys_pkey PRIMARY KEY (tenant_id, key_id)
) with (fillfactor=70);
CREATE INDEX keys_created_idx ON idempotency.keys USING btree (created_at);
alter table idempotency.keys enable row level security;
alter table idempotency.keys force row level security;
create policy owner_purges on idempotency.keys as permissive for all to {{owner}}
  using (true);
create policy tenant_owns on idempotency.keys as permissive for all to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")))
  with check ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant insert, select, update on idempotency.keys to {{app}};

-- Binds a key to a command, or returns the answer that the key has. The claim is durable when the transaction ends,
-- before the command runs. A claim whose lease has ended is taken over with its command id, so that the log recognises
-- what the first request may have written. Claims expire by lease time, and keys are kept for 24 hours of it.
CREATE OR REPLACE FUNCTION idempotency.claim(p_tenant_id uuid, p_key_id uuid, p_command_id uuid, p_request_hash bytea, p_lease_seconds integer)
 RETURNS idempotency.claim
 LANGUAGE plpgsql
AS $function$
declare
  at timestamptz := lease.now();
  until timestamptz := at + make_interval(secs => p_lease_seconds);
  k idempotency.keys;
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true);
  loop
    insert into idempotency.keys (tenant_id, key_id, command_id, request_hash, attempt, created_at, leased_until)
    values (p_tenant_id, p_key_id, p_command_id, p_request_hash, 1, at, until)
    on conflict do nothing;
    if found then
      return row('c', p_command_id, 1, null, null, null)::idempotency.claim;
    end if;
    select * into k from idempotency.keys where tenant_id = p_tenant_id and key_id = p_key_id for update;
    exit when found;   -- otherwise, the row was purged in between
  end loop;
  at := lease.now();   -- again, because the select may have waited for the row
  until := at + make_interval(secs => p_lease_seconds);
  if k.created_at < at - interval '24 hours' then
    update idempotency.keys set command_id = p_command_id, request_hash = p_request_hash, attempt = k.attempt + 1,
      created_at = at, leased_until = until, status = null, answer = null,
      user_id = null, token_hash = null
    where tenant_id = p_tenant_id and key_id = p_key_id;
    return row('c', p_command_id, k.attempt + 1, null, null, null)::idempotency.claim;
  elsif k.request_hash <> p_request_hash then
    return row('m', null, null, null, null, null)::idempotency.claim;
  elsif k.status is not null then
    return row('a', null, k.attempt, k.status, k.answer, k.token_hash)::idempotency.claim;
  elsif k.leased_until > at then
    return row('b', null, null, null, null, null)::idempotency.claim;
  end if;
  update idempotency.keys set attempt = k.attempt + 1, leased_until = until
  where tenant_id = p_tenant_id and key_id = p_key_id;
  return row('c', k.command_id, k.attempt + 1, null, null, null)::idempotency.claim;
end
$function$;
grant execute on function idempotency.claim(p_tenant_id uuid, p_key_id uuid, p_command_id uuid, p_request_hash bytea, p_lease_seconds integer) to {{app}};

-- Deletes the answer of a key, and keeps its command: the next request runs the command again under the same id.
CREATE OR REPLACE FUNCTION idempotency.discard(p_tenant_id uuid, p_key_id uuid, p_attempt integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true);
  update idempotency.keys
  set status = null, answer = null, user_id = null, token_hash = null, leased_until = '-infinity'
  where tenant_id = p_tenant_id and key_id = p_key_id and attempt = p_attempt and status is not null;
end
$function$;
grant execute on function idempotency.discard(p_tenant_id uuid, p_key_id uuid, p_attempt integer) to {{app}};

-- Deletes the idempotency keys of a tenant, with their answers.
CREATE OR REPLACE FUNCTION idempotency.erase_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from idempotency.keys where tenant_id = p_tenant_id;
$function$;
-- Only the owner may call it.

-- Deletes the keys of a user with an answer, in these tenants and outside of all tenants. Deletes the answers to all
-- other users of these tenants, which may show the user; their keys keep their commands.
CREATE OR REPLACE FUNCTION idempotency.erase_user(p_user_id uuid, p_tenant_ids uuid[])
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from idempotency.keys k where k.user_id = p_user_id and k.status is not null
    and k.tenant_id = any (p_tenant_ids || '00000000-0000-0000-0000-000000000000'::uuid);
  update idempotency.keys
  set status = null, answer = null, user_id = null, token_hash = null, leased_until = '-infinity'
  where tenant_id = any (p_tenant_ids) and status is not null;
$function$;
-- Only the owner may call it.

-- Deletes at most p_limit keys that are older than 24 hours of lease time, of all tenants, and returns their number.
-- Row-level security allows no role of the product to do that directly.
CREATE OR REPLACE FUNCTION idempotency.purge(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  purged integer;
begin
  delete from idempotency.keys where ctid = any (array(
    select ctid from idempotency.keys where created_at < lease.now() - interval '24 hours'
    order by created_at limit p_limit for update skip locked));
  get diagnostics purged = row_count;
  return purged;
end
$function$;
grant execute on function idempotency.purge(p_limit integer) to {{app}}, {{projector}};

-- Stores the answer. With a null status, it releases the claim, so that the next request runs the command again. It
-- does not wait for the disk: if an answer is lost in a crash, the next request runs the command again with the same
-- command id.
CREATE OR REPLACE FUNCTION idempotency.settle(p_tenant_id uuid, p_key_id uuid, p_attempt integer, p_status smallint, p_answer bytea, p_user_id uuid, p_token_hash bytea)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true), set_config('synchronous_commit', 'off', true);
  update idempotency.keys
  set status = p_status, answer = p_answer, user_id = p_user_id, token_hash = p_token_hash,
    leased_until = case when p_status is null then '-infinity' else leased_until end
  where tenant_id = p_tenant_id and key_id = p_key_id and attempt = p_attempt and status is null;
end
$function$;
grant execute on function idempotency.settle(p_tenant_id uuid, p_key_id uuid, p_attempt integer, p_status smallint, p_answer bytea, p_user_id uuid, p_token_hash bytea) to {{app}};


-- ==== identity ====

-- Users: their personal data, which events never contain, and their passwords, sessions and tokens. The role of the
-- application sees only the rows of the signed-in user. Look-ups before the user is known (by address or refresh token)
-- are possible only through functions, each of which returns a single answer.
create schema identity;
grant usage on schema identity to {{app}}, {{operator}}, {{projector}};

-- Erasures of users, with all that is needed to complete one after any interruption.
create table identity.erasures (
  user_id uuid not null,
  command_id uuid not null,
  correlation_id text not null,
  access_id uuid,
  attempts integer not null default 1,
  -- in lease time
  attempted_at timestamp with time zone not null default lease.now(),
  -- the tenants of the user at the beginning, whose stored answers may show the user
  tenant_ids uuid[] not null default '{}'::uuid[],
  -- when the personal data was removed, in lease time
  erased_at timestamp with time zone,
  -- when personal data was searched for and removed once more, after all requests of the time of the erasure had ended;
  -- in lease time
  checked_at timestamp with time zone,
  constraint erasures_pkey PRIMARY KEY (user_id),
  constraint erasures_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(id) ON DELETE CASCADE
);
CREATE INDEX erasures_checked_idx ON identity.erasures USING btree (checked_at) WHERE (checked_at IS NOT NULL);
CREATE INDEX erasures_open_idx ON identity.erasures USING btree (attempts, attempted_at) WHERE (checked_at IS NULL);
alter table identity.erasures enable row level security;
alter table identity.erasures force row level security;
create policy owner_all on identity.erasures as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Facts of sign-in and of operators that are not in the event log yet. Each row is written in the transaction that
-- makes it true, and deleted after it was appended.
create table identity.facts (
  -- the order of the facts of one session, user or operator
  seq bigint not null generated always as identity,
  -- the command of the append, so that a repeat adds no second event
  command_id uuid not null default gen_random_uuid(),
  aggregate text not null,
  aggregate_id uuid not null,
  -- null: the fact belongs to no tenant
  tenant_id uuid,
  type text not null,
  data jsonb not null,
  happened_at timestamp with time zone not null,
  -- the user or, with the aggregate operators, the operator who caused it; null: the product
  actor_id uuid,
  access_id uuid,
  -- the request that caused it; null: none did
  correlation_id text,
  causation_id uuid,
  attempts integer not null default 0,
  -- when a worker last took the row, in lease time
  attempted_at timestamp with time zone,
  constraint facts_pkey PRIMARY KEY (seq),
  constraint facts_aggregate_check CHECK ((aggregate = ANY (ARRAY['session'::text, 'user'::text, 'operators'::text])))
);
CREATE INDEX facts_aggregate_idx ON identity.facts USING btree (aggregate_id, seq);
CREATE INDEX facts_tenant_idx ON identity.facts USING btree (tenant_id) WHERE (tenant_id IS NOT NULL);
alter table identity.facts enable row level security;
alter table identity.facts force row level security;
create policy owner_all on identity.facts as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Wrong passwords for a user, counted by minute, so that nobody can fill the event log with them.
create table identity.failed_sign_ins (
  user_id uuid not null,
  minute timestamp with time zone not null,
  times integer not null,
  -- from where the first one of the minute came
  access_id uuid not null,
  constraint failed_sign_ins_pkey PRIMARY KEY (user_id, minute),
  constraint failed_sign_ins_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(id) ON DELETE CASCADE
);
CREATE INDEX failed_sign_ins_minute_idx ON identity.failed_sign_ins USING btree (minute);
alter table identity.failed_sign_ins enable row level security;
alter table identity.failed_sign_ins force row level security;
create policy owner_all on identity.failed_sign_ins as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Joins of new users, with all that is needed to complete one, or to release its address, after any interruption. A
-- completed join is kept as long as its idempotency key.
create table identity.joins (
  user_id uuid not null,
  tenant_id uuid not null,
  token_hash text not null,
  email_domain text not null,
  command_id uuid not null,
  correlation_id text not null,
  access_id uuid,
  claimed_at timestamp with time zone not null default now(),
  attempts integer not null default 0,
  -- in lease time
  attempted_at timestamp with time zone not null default lease.now(),
  -- in lease time
  completed_at timestamp with time zone,
  constraint joins_pkey PRIMARY KEY (user_id),
  constraint joins_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(id) ON DELETE CASCADE
);
CREATE INDEX joins_completed_idx ON identity.joins USING btree (completed_at) WHERE (completed_at IS NOT NULL);
CREATE INDEX joins_open_idx ON identity.joins USING btree (attempts, attempted_at) WHERE (completed_at IS NULL);
alter table identity.joins enable row level security;
alter table identity.joins force row level security;
create policy owner_all on identity.joins as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Everyone who is or was an operator. An operator who is added again has a new id.
create table identity.operators (
  id uuid not null,
  name text not null,
  added_at timestamp with time zone not null default now(),
  -- null: an operator now
  removed_at timestamp with time zone,
  constraint operators_pkey PRIMARY KEY (id),
  constraint operators_name_check CHECK ((name ~ '^[A-Za-z0-9_.@+-]{1,100}$'::text))
);
CREATE UNIQUE INDEX operators_name_key ON identity.operators USING btree (lower(name)) WHERE (removed_at IS NULL);
alter table identity.operators enable row level security;
alter table identity.operators force row level security;
create policy owner_all on identity.operators as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Memberships of existing users that requests are about to append to the log: of a new tenant, or by an invitation. An
-- erasure does not begin meanwhile, so that it finds all memberships.
create table identity.pending_memberships (
  user_id uuid not null,
  tenant_id uuid not null,
  -- in lease time; the row of a killed process counts for 60 s
  began_at timestamp with time zone not null default lease.now(),
  constraint pending_memberships_pkey PRIMARY KEY (user_id, tenant_id),
  constraint pending_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(id) ON DELETE CASCADE
);
alter table identity.pending_memberships enable row level security;
alter table identity.pending_memberships force row level security;
create policy owner_all on identity.pending_memberships as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Refresh tokens. Each can be used once. The tokens of a session are one family: if a used token is used again, the
-- session ends. The next token is derived from the token before it and a salt that is stored here. So a client that has
-- the token before can get the next one again, and a reader of this table cannot derive it.
create table identity.refresh_tokens (
  -- SHA-256 of the token
  token_hash bytea not null,
  session_id uuid not null,
  issued_at timestamp with time zone not null default now(),
  used_at timestamp with time zone,
  next_salt bytea,
  -- the hash of the next token
  replaced_by bytea,
  constraint refresh_tokens_pkey PRIMARY KEY (token_hash),
  constraint refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES identity.sessions(id) ON DELETE CASCADE,
  constraint refresh_tokens_check CHECK ((num_nulls(used_at, next_salt, replaced_by) = ANY (ARRAY[0, 3])))
);
CREATE INDEX refresh_tokens_session_idx ON identity.refresh_tokens USING btree (session_id, used_at);

-- Sessions of users. tenant_id is null for a session outside of all tenants.
create table identity.sessions (
  id uuid not null,
  user_id uuid not null,
  tenant_id uuid,
  created_at timestamp with time zone not null default now(),
  last_used_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  end_reason text,
  -- by which request the session was opened
  method text not null,
  -- the session whose access token opened this one, which ends with it; null: it was opened with a password
  opened_from uuid,
  -- version of the tenant's stream at which the user joined: the session is not valid for a later membership
  member_since integer,
  -- the access record of the request that opened the session
  access_id uuid,
  -- a keyed hash of the network from which the session was opened
  network bytea,
  constraint sessions_pkey PRIMARY KEY (id),
  constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(id) ON DELETE CASCADE,
  constraint sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['signed-out'::text, 'revoked'::text, 'password-changed'::text, 'removed'::text, 'refresh-token-reused'::text, 'too-many-sessions'::text, 'user-erased'::text, 'expired'::text]))),
  constraint sessions_method_check CHECK ((method = ANY (ARRAY['sign-up'::text, 'password'::text, 'invitation'::text, 'switch'::text, 'new-tenant'::text])))
);
CREATE INDEX sessions_ended_idx ON identity.sessions USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX sessions_expires_idx ON identity.sessions USING btree (expires_at);
CREATE INDEX sessions_open_idx ON identity.sessions USING btree (user_id, created_at DESC, id DESC) WHERE (ended_at IS NULL);
CREATE INDEX sessions_opened_from_idx ON identity.sessions USING btree (opened_from) WHERE (opened_from IS NOT NULL);
CREATE INDEX sessions_user_idx ON identity.sessions USING btree (user_id);
alter table identity.sessions enable row level security;
alter table identity.sessions force row level security;
create policy own_rows on identity.sessions as permissive for select to {{app}}
  using ((user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")));
create policy owner_all on identity.sessions as permissive for all to {{owner}}
  using (true)
  with check (true);
grant select on identity.sessions to {{app}};

-- Sign-ups, with all that is needed to complete one after any interruption. A completed sign-up is kept as long as its
-- idempotency key, so that a repeated request finds it.
create table identity.sign_ups (
  user_id uuid not null,
  tenant_id uuid not null,
  tenant_name text not null,
  slug text not null,
  command_id uuid not null,
  correlation_id text not null,
  access_id uuid,
  attempts integer not null default 0,
  -- in lease time
  attempted_at timestamp with time zone not null default lease.now(),
  -- in lease time
  completed_at timestamp with time zone,
  constraint sign_ups_pkey PRIMARY KEY (user_id),
  constraint sign_ups_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(id) ON DELETE CASCADE
);
CREATE INDEX sign_ups_completed_idx ON identity.sign_ups USING btree (completed_at) WHERE (completed_at IS NOT NULL);
CREATE INDEX sign_ups_open_idx ON identity.sign_ups USING btree (attempts, attempted_at) WHERE (completed_at IS NULL);
alter table identity.sign_ups enable row level security;
alter table identity.sign_ups force row level security;
create policy owner_all on identity.sign_ups as permissive for all to {{owner}}
  using (true)
  with check (true);

-- Keys that sign access tokens.
create table identity.signing_keys (
  kid text not null,
  public_jwk jsonb not null,
  -- PKCS #8, encrypted under SECRET_KEY
  private_key bytea not null,
  state text not null,
  created_at timestamp with time zone not null default now(),
  retired_at timestamp with time zone,
  constraint signing_keys_pkey PRIMARY KEY (kid),
  constraint signing_keys_state_check CHECK ((state = ANY (ARRAY['next'::text, 'current'::text, 'retired'::text])))
);
CREATE UNIQUE INDEX signing_keys_current_idx ON identity.signing_keys USING btree (state) WHERE (state = 'current'::text);
grant insert, select on identity.signing_keys to {{app}};
grant delete, insert, select, update (retired_at, state) on identity.signing_keys to {{operator}};

-- Users, with their personal data.
create table identity.users (
  id uuid not null,
  -- as the user wrote it
  email text not null,
  -- the normalised address: equal for two spellings of the same address
  email_key text not null,
  name text not null,
  -- argon2id, with its parameters
  password_hash text not null,
  -- raised by each change of the password: a sign-in that checked an earlier password opens no session
  password_version integer not null default 1,
  state text not null default 'pending'::text,
  created_at timestamp with time zone not null default now(),
  constraint users_pkey PRIMARY KEY (id),
  constraint users_email_key_key UNIQUE (email_key),
  constraint users_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'erasing'::text, 'erased'::text])))
);
alter table identity.users enable row level security;
alter table identity.users force row level security;
create policy own_row on identity.users as permissive for select to {{app}}
  using ((id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")));
create policy owner_all on identity.users as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy people_read on identity.users as permissive for select to {{app}}
  using ((id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.user_ids'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[])));
grant select (created_at, email, id, name, state) on identity.users to {{app}};

-- Stores a fact, with the cause of the transaction.
CREATE OR REPLACE FUNCTION identity.add_fact(p_aggregate text, p_aggregate_id uuid, p_tenant_id uuid, p_type text, p_data jsonb, p_happened_at timestamp with time zone, p_actor_id uuid, p_access_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  cause jsonb := coalesce(nullif(current_setting('identity.cause', true), '')::jsonb, '{}');
begin
  insert into identity.facts (aggregate, aggregate_id, tenant_id, type, data, happened_at, actor_id, access_id,
    correlation_id, causation_id)
  values (p_aggregate, p_aggregate_id, p_tenant_id, p_type, p_data, p_happened_at, p_actor_id,
    coalesce(p_access_id, (cause ->> 'accessId')::uuid), cause ->> 'correlationId', (cause ->> 'causationId')::uuid);
end $function$;
-- Only the owner may call it.

-- Adds an operator. p_by is the operator who adds; it may be null only while there is no operator, who then adds
-- themselves. Returns added, exists (the name is taken) or forbidden (p_by is no operator).
CREATE OR REPLACE FUNCTION identity.add_operator(p_id uuid, p_name text, p_by uuid, p_reason text, p_cause jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- Two calls at once must not both add the first operator.
  lock table identity.operators in share row exclusive mode;
  if exists (select from identity.operators o where lower(o.name) = lower(p_name) and o.removed_at is null) then
    return 'exists';
  end if;
  if not identity.is_operator(p_by) and exists (select from identity.operators o where o.removed_at is null) then
    return 'forbidden';
  end if;
  insert into identity.operators (id, name) values (p_id, p_name);
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', p_id, null, 'OperatorAdded',
    jsonb_build_object('name', p_name, 'reason', p_reason), now(), coalesce(p_by, p_id), null);
  return 'added';
end $function$;
grant execute on function identity.add_operator(p_id uuid, p_name text, p_by uuid, p_reason text, p_cause jsonb) to {{operator}};

-- Stores the start and the end of a session, whichever function starts or ends it.
CREATE OR REPLACE FUNCTION identity.add_session_fact()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    perform identity.add_fact('session', new.id, new.tenant_id, 'SessionStarted',
      jsonb_build_object('userId', new.user_id, 'method', new.method, 'openedFrom', new.opened_from),
      new.created_at, new.user_id, new.access_id);
  elsif old.ended_at is null and new.ended_at is not null then
    perform identity.add_fact('session', new.id, new.tenant_id, 'SessionEnded',
      jsonb_build_object('userId', new.user_id, 'reason', new.end_reason), new.ended_at,
      case when new.end_reason in ('signed-out', 'revoked', 'password-changed') then new.user_id end, null);
  end if;
  return null;
end $function$;
-- Only the owner may call it.

-- Begins the erasure of a user. From then on sign-in and new memberships are refused. A repeat returns the erasure in
-- progress. Outcomes: begun; gone (the user does not exist or is erased); busy (a membership of the user is about to be
-- appended to the log).
CREATE OR REPLACE FUNCTION identity.begin_erasure(p_user_id uuid, p_command_id uuid, p_correlation_id text, p_access_id uuid, p_tenant_ids uuid[] DEFAULT '{}'::uuid[])
 RETURNS TABLE(outcome text, command_id uuid, correlation_id text, access_id uuid, attempts integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  before text;
begin
  select p.state into before from identity.users p where p.id = p_user_id and p.state in ('active', 'erasing') for update;
  if not found then
    return query select 'gone', null::uuid, null::text, null::uuid, 0;
    return;
  end if;
  if before = 'active' and exists (
    select from identity.pending_memberships m
    where m.user_id = p_user_id and m.began_at > lease.now() - interval '60 seconds') then
    return query select 'busy', null::uuid, null::text, null::uuid, 0;
    return;
  end if;
  update identity.users p set state = 'erasing' where p.id = p_user_id;
  return query
    insert into identity.erasures as e (user_id, command_id, correlation_id, access_id, tenant_ids)
    values (p_user_id, p_command_id, p_correlation_id, p_access_id, p_tenant_ids)
    on conflict (user_id) do update set attempts = e.attempts + 1, attempted_at = lease.now()
    returning 'begun', e.command_id, e.correlation_id, e.access_id, e.attempts;
end $function$;
grant execute on function identity.begin_erasure(p_user_id uuid, p_command_id uuid, p_correlation_id text, p_access_id uuid, p_tenant_ids uuid[]) to {{app}};

-- Announces a membership of an existing user that is about to be appended to the log. False: the user is not active.
CREATE OR REPLACE FUNCTION identity.begin_membership(p_user_id uuid, p_tenant_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- With a lock on the user: an erasure waits for this transaction and sees the row, or this one waits for it.
  perform from identity.users where id = p_user_id and state = 'active' for share;
  if not found then
    return false;
  end if;
  insert into identity.pending_memberships as m (user_id, tenant_id) values (p_user_id, p_tenant_id)
  on conflict (user_id, tenant_id) do update set began_at = lease.now();
  return true;
end $function$;
grant execute on function identity.begin_membership(p_user_id uuid, p_tenant_id uuid) to {{app}};

-- Cancels an erasure that would leave a tenant without an owner. The user is active again.
CREATE OR REPLACE FUNCTION identity.cancel_erasure(p_user_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.erasures where user_id = p_user_id and erased_at is null;
  update identity.users set state = 'active' where id = p_user_id and state = 'erasing';
$function$;
grant execute on function identity.cancel_erasure(p_user_id uuid) to {{app}}, {{projector}};

-- Replaces the password if it is still the one that was checked, and ends all other sessions of the user. Returns the
-- ended sessions. Null: the password was changed in the meantime.
CREATE OR REPLACE FUNCTION identity.change_password(p_user_id uuid, p_old_hash text, p_new_hash text, p_kept_session_id uuid, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  ended uuid[];
begin
  perform identity.set_cause(p_cause);
  update identity.users set password_hash = p_new_hash, password_version = password_version + 1
  where id = p_user_id and password_hash = p_old_hash and state = 'active';
  if not found then
    return null;
  end if;
  perform identity.add_fact('user', p_user_id, null, 'PasswordChanged', '{}', clock_timestamp(), p_user_id, null);
  with those as (
    update identity.sessions set ended_at = clock_timestamp(), end_reason = 'password-changed'
    where user_id = p_user_id and id <> p_kept_session_id and ended_at is null returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  return ended;
end $function$;
grant execute on function identity.change_password(p_user_id uuid, p_old_hash text, p_new_hash text, p_kept_session_id uuid, p_cause jsonb) to {{app}};

-- Changes the name and address that are not null. If p_seen_name and p_seen_email are not null, it changes them only if
-- the present values are equal to these. Outcomes: changed; stale (the values differ); gone (there is no such active
-- user); taken (the address belongs to another user).
CREATE OR REPLACE FUNCTION identity.change_profile(p_user_id uuid, p_name text, p_email text, p_email_key text, p_seen_name text, p_seen_email text, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  before identity.users;
begin
  perform identity.set_cause(p_cause);
  select * into before from identity.users where id = p_user_id and state = 'active' for no key update;
  if not found then
    return 'gone';
  end if;
  if p_seen_name is not null and (before.name <> p_seen_name or before.email <> p_seen_email) then
    return 'stale';
  end if;
  update identity.users set name = coalesce(p_name, name), email = coalesce(p_email, email),
    email_key = coalesce(p_email_key, email_key)
  where id = p_user_id;
  if p_email <> before.email then
    perform identity.add_fact('user', p_user_id, null, 'EmailChanged', '{}', clock_timestamp(), p_user_id, null);
  end if;
  return 'changed';
exception when unique_violation then
  return 'taken';
end $function$;
grant execute on function identity.change_profile(p_user_id uuid, p_name text, p_email text, p_email_key text, p_seen_name text, p_seen_email text, p_cause jsonb) to {{app}};

-- Claims an address for a new user who joins a tenant. Outcomes as in identity.claim_sign_up.
CREATE OR REPLACE FUNCTION identity.claim_join(p_user_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid, p_token_hash text, p_email_domain text, p_command_id uuid, p_correlation_id text, p_access jsonb)
 RETURNS TABLE(outcome text, user_id uuid, created_at timestamp with time zone, claimed_at timestamp with time zone, access_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_access_id uuid;
begin
  insert into identity.users (id, email, email_key, name, password_hash)
  values (p_user_id, p_email, p_email_key, p_name, p_password_hash)
  on conflict (email_key) do nothing;
  if found then
    v_access_id := access.find_or_create(p_access, p_user_id);
    insert into identity.joins (user_id, tenant_id, token_hash, email_domain, command_id, correlation_id, access_id)
    values (p_user_id, p_tenant_id, p_token_hash, p_email_domain, p_command_id, p_correlation_id, v_access_id);
    return query select 'claimed', p_user_id, now(), now(), v_access_id;
    return;
  end if;
  return query select 'resumed', j.user_id, p.created_at, j.claimed_at, j.access_id
    from identity.joins j join identity.users p on p.id = j.user_id
    where p.email_key = p_email_key and j.command_id = p_command_id and j.tenant_id = p_tenant_id;
  if not found then
    return query select 'taken', null::uuid, null::timestamptz, null::timestamptz, null::uuid;
  end if;
end $function$;
grant execute on function identity.claim_join(p_user_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid, p_token_hash text, p_email_domain text, p_command_id uuid, p_correlation_id text, p_access jsonb) to {{app}};

-- Claims an address for a sign-up, and stores all ids that the sign-up will use. Outcomes: claimed; resumed (the same
-- command has claimed it before, whose ids are returned); taken (the address belongs to another user).
CREATE OR REPLACE FUNCTION identity.claim_sign_up(p_user_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid, p_tenant_name text, p_slug text, p_command_id uuid, p_correlation_id text, p_access jsonb)
 RETURNS TABLE(outcome text, user_id uuid, tenant_id uuid, slug text, created_at timestamp with time zone, access_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_access_id uuid;
begin
  insert into identity.users (id, email, email_key, name, password_hash)
  values (p_user_id, p_email, p_email_key, p_name, p_password_hash)
  on conflict (email_key) do nothing;
  if found then
    v_access_id := access.find_or_create(p_access, p_user_id);
    insert into identity.sign_ups (user_id, tenant_id, tenant_name, slug, command_id, correlation_id, access_id)
    values (p_user_id, p_tenant_id, p_tenant_name, p_slug, p_command_id, p_correlation_id, v_access_id);
    return query select 'claimed', p_user_id, p_tenant_id, p_slug, now(), v_access_id;
    return;
  end if;
  return query select 'resumed', s.user_id, s.tenant_id, s.slug, p.created_at, s.access_id
    from identity.sign_ups s join identity.users p on p.id = s.user_id
    where p.email_key = p_email_key and s.command_id = p_command_id;
  if not found then
    return query select 'taken', null::uuid, null::uuid, null::text, null::timestamptz, null::uuid;
  end if;
end $function$;
grant execute on function identity.claim_sign_up(p_user_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid, p_tenant_name text, p_slug text, p_command_id uuid, p_correlation_id text, p_access jsonb) to {{app}};

-- Completes a join when all of its events are in the log. From then on the user can sign in.
CREATE OR REPLACE FUNCTION identity.complete_join(p_user_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with active as (update identity.users set state = 'active' where id = p_user_id and state = 'pending')
  update identity.joins set completed_at = lease.now() where user_id = p_user_id and completed_at is null;
$function$;
grant execute on function identity.complete_join(p_user_id uuid) to {{app}}, {{projector}};

-- Completes a sign-up when all of its events are in the log. From then on the user can sign in.
CREATE OR REPLACE FUNCTION identity.complete_sign_up(p_user_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with active as (update identity.users set state = 'active' where id = p_user_id and state = 'pending')
  update identity.sign_ups set completed_at = lease.now() where user_id = p_user_id and completed_at is null;
$function$;
grant execute on function identity.complete_sign_up(p_user_id uuid) to {{app}}, {{projector}};

-- Counts a wrong password for a user who can sign in.
CREATE OR REPLACE FUNCTION identity.count_failed_sign_in(p_user_id uuid, p_access jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_minute timestamptz := date_trunc('minute', now());
begin
  update identity.failed_sign_ins set times = times + 1 where user_id = p_user_id and minute = v_minute;
  if found then
    return;
  end if;
  insert into identity.failed_sign_ins as f (user_id, minute, times, access_id)
  select p.id, v_minute, 1, access.find_or_create(p_access, p.id)
  from identity.users p where p.id = p_user_id and p.state in ('active', 'erasing')
  on conflict (user_id, minute) do update set times = f.times + 1;
end $function$;
grant execute on function identity.count_failed_sign_in(p_user_id uuid, p_access jsonb) to {{app}};

-- Deletes facts that are in the event log.
CREATE OR REPLACE FUNCTION identity.delete_facts(p_seqs bigint[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.facts where seq = any (p_seqs);
$function$;
grant execute on function identity.delete_facts(p_seqs bigint[]) to {{projector}};

-- The announced membership is in the log, or will never be appended.
CREATE OR REPLACE FUNCTION identity.end_membership(p_user_id uuid, p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.pending_memberships where user_id = p_user_id and tenant_id = p_tenant_id;
$function$;
grant execute on function identity.end_membership(p_user_id uuid, p_tenant_id uuid) to {{app}};

-- Ends a session of a user, and all sessions that were opened from it. Returns the ids of those that had not ended
-- before. Null: the user has no such session.
CREATE OR REPLACE FUNCTION identity.end_session(p_user_id uuid, p_session_id uuid, p_reason text, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform identity.set_cause(p_cause);
  perform from identity.sessions where id = p_session_id and user_id = p_user_id;
  return case when found then identity.end_sessions(array[p_session_id], p_reason) end;
end $function$;
grant execute on function identity.end_session(p_user_id uuid, p_session_id uuid, p_reason text, p_cause jsonb) to {{app}};

-- Ends the session of a refresh token, used or not, and all sessions that were opened from it. Returns the ids of those
-- that had not ended before. Null: the token is unknown.
CREATE OR REPLACE FUNCTION identity.end_session_of_token(p_token_hash bytea, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_session_id uuid;
begin
  perform identity.set_cause(p_cause);
  select t.session_id into v_session_id from identity.refresh_tokens t where t.token_hash = p_token_hash;
  return case when found then identity.end_sessions(array[v_session_id], 'signed-out') end;
end $function$;
grant execute on function identity.end_session_of_token(p_token_hash bytea, p_cause jsonb) to {{app}};

-- Ends sessions, and all sessions that were opened from them. Returns the ids of those that had not ended before.
CREATE OR REPLACE FUNCTION identity.end_sessions(p_session_ids uuid[], p_reason text)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  level uuid[] := p_session_ids;
  ended uuid[] := '{}';
begin
  -- Each level is read in a separate statement, after its parents were locked: a session that is being opened from one
  -- of them is committed by then.
  loop
    with those as (
      update identity.sessions set ended_at = clock_timestamp(), end_reason = p_reason
      where id = any (level) and ended_at is null returning id)
    select ended || coalesce(array_agg(id), '{}') into ended from those;
    -- Also those that have ended: sessions that were opened from them may be open.
    select array_agg(id) into level from identity.sessions where opened_from = any (level);
    exit when level is null;
  end loop;
  return ended;
end $function$;
-- Only the owner may call it.

-- Ends the sessions of a user that were used least recently, so that at most p_max are open. It does not end the new
-- session p_session_id, the one from which it was opened, or the sessions that were opened from those that it ends.
CREATE OR REPLACE FUNCTION identity.end_sessions_beyond(p_user_id uuid, p_session_id uuid, p_opened_from uuid, p_max integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  ended uuid[];
begin
  with those as (
    update identity.sessions set ended_at = clock_timestamp(), end_reason = 'too-many-sessions'
    where id in (
      select s.id from identity.sessions s
      where s.user_id = p_user_id and s.ended_at is null and s.expires_at > now() and s.id <> p_session_id
        and s.id is distinct from p_opened_from
      order by s.last_used_at desc, s.id desc
      offset p_max - 1 - num_nonnulls(p_opened_from))
    returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  return ended;
end $function$;
-- Only the owner may call it.

-- Ends the sessions of a member who left or was removed at this version of the tenant's stream. Sessions in other
-- tenants that were opened from them stay. Returns the number of sessions.
CREATE OR REPLACE FUNCTION identity.end_sessions_of_member(p_tenant_id uuid, p_user_id uuid, p_removed_at integer, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  ended integer;
begin
  perform identity.set_cause(p_cause);
  update identity.sessions set ended_at = clock_timestamp(), end_reason = 'removed'
  where tenant_id = p_tenant_id and user_id = p_user_id and member_since < p_removed_at and ended_at is null;
  get diagnostics ended = row_count;
  return ended;
end $function$;
grant execute on function identity.end_sessions_of_member(p_tenant_id uuid, p_user_id uuid, p_removed_at integer, p_cause jsonb) to {{projector}};

-- The sessions that ended in the last p_within_seconds seconds. Their access tokens may not have expired, so every
-- process refuses them.
CREATE OR REPLACE FUNCTION identity.ended_sessions(p_within_seconds integer)
 RETURNS TABLE(session_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select s.id from identity.sessions s where s.ended_at > now() - make_interval(secs => p_within_seconds);
$function$;
grant execute on function identity.ended_sessions(p_within_seconds integer) to {{app}};

-- Deletes the sessions, sign-ups, joins, pending memberships and facts of a tenant, and the pending users of its open
-- joins.
CREATE OR REPLACE FUNCTION identity.erase_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  delete from identity.sessions where tenant_id = p_tenant_id;
  -- So that a repeat of the sign-up does not create the tenant again.
  delete from identity.sign_ups where tenant_id = p_tenant_id;
  delete from identity.users p where p.state = 'pending' and exists (
    select from identity.joins j where j.user_id = p.id and j.tenant_id = p_tenant_id and j.completed_at is null);
  delete from identity.joins where tenant_id = p_tenant_id;
  delete from identity.pending_memberships where tenant_id = p_tenant_id;
  delete from identity.facts where tenant_id = p_tenant_id;
end $function$;
-- Only the owner may call it.

-- Removes all personal data of a user, and returns the sessions that it has ended. A repeat removes data that was
-- written since.
CREATE OR REPLACE FUNCTION identity.erase_user(p_user_id uuid)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  ended uuid[];
begin
  perform identity.set_cause(jsonb_build_object('correlationId', e.correlation_id, 'accessId', e.access_id))
    from identity.erasures e where e.user_id = p_user_id;
  update identity.users set state = 'erased', name = '', email = '', email_key = 'erased ' || id, password_hash = ''
  where id = p_user_id and state = 'erasing';
  -- Sessions are ended and not deleted, so that other processes learn that the access tokens are no longer valid.
  with those as (
    update identity.sessions set ended_at = coalesce(ended_at, clock_timestamp()),
      end_reason = coalesce(end_reason, 'user-erased'), network = null
    where user_id = p_user_id returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  delete from identity.refresh_tokens where session_id = any (ended);
  perform access.erase_user(p_user_id);
  delete from identity.sign_ups where user_id = p_user_id;
  perform idempotency.erase_user(p_user_id, array(
    select s.tenant_id from identity.sessions s where s.user_id = p_user_id and s.tenant_id is not null
    union select unnest(e.tenant_ids) from identity.erasures e where e.user_id = p_user_id));
  update identity.erasures set erased_at = coalesce(erased_at, lease.now()),
    checked_at = case when erased_at < lease.now() - interval '60 seconds' then coalesce(checked_at, lease.now())
      else checked_at end
  where user_id = p_user_id;
  return ended;
end $function$;
grant execute on function identity.erase_user(p_user_id uuid) to {{app}}, {{projector}};

-- The user and the password hash for a sign-in. `last_tenant_id` is the tenant that the user used last. `familiar` is
-- true if a session of the user was opened from this network.
CREATE OR REPLACE FUNCTION identity.find_credentials(p_email_key text, p_network bytea)
 RETURNS TABLE(user_id uuid, password_hash text, password_version integer, last_tenant_id uuid, familiar boolean)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select p.id, p.password_hash, p.password_version,
    (select s.tenant_id from identity.sessions s where s.user_id = p.id and s.tenant_id is not null
     order by s.last_used_at desc limit 1),
    exists (select from identity.sessions s where s.user_id = p.id and s.network = p_network)
  from identity.users p where p.email_key = p_email_key and p.state = 'active';
$function$;
grant execute on function identity.find_credentials(p_email_key text, p_network bytea) to {{app}};

-- The operator with this id or name, who was not removed. Give one of the two.
CREATE OR REPLACE FUNCTION identity.find_operator(p_id uuid, p_name text)
 RETURNS TABLE(id uuid, name text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select o.id, o.name from identity.operators o
  where o.removed_at is null and (o.id = p_id or lower(o.name) = lower(p_name));
$function$;
grant execute on function identity.find_operator(p_id uuid, p_name text) to {{operator}}, {{projector}};

-- The password hash of a signed-in user, to check the password that the user enters again.
CREATE OR REPLACE FUNCTION identity.find_password(p_user_id uuid)
 RETURNS TABLE(email_key text, password_hash text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select p.email_key, p.password_hash from identity.users p
  where p.id = p_user_id and p.state in ('active', 'erasing');
$function$;
grant execute on function identity.find_password(p_user_id uuid) to {{app}};

-- The user, tenant and membership of a refresh token. It does not use the token.
CREATE OR REPLACE FUNCTION identity.find_refresh_token(p_token_hash bytea)
 RETURNS TABLE(user_id uuid, tenant_id uuid, member_since integer)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select s.user_id, s.tenant_id, s.member_since from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
  where t.token_hash = p_token_hash;
$function$;
grant execute on function identity.find_refresh_token(p_token_hash bytea) to {{app}};

-- Whether the session was opened with a password, and not from another session, in the last p_seconds seconds.
CREATE OR REPLACE FUNCTION identity.has_signed_in_within(p_user_id uuid, p_session_id uuid, p_seconds integer)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select exists (
    select from identity.sessions where id = p_session_id and user_id = p_user_id and ended_at is null
      and opened_from is null and created_at > now() - make_interval(secs => p_seconds));
$function$;
grant execute on function identity.has_signed_in_within(p_user_id uuid, p_session_id uuid, p_seconds integer) to {{app}};

-- Whether an operator was not removed. Holds until the transaction ends.
CREATE OR REPLACE FUNCTION identity.is_operator(p_id uuid)
 RETURNS boolean
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  -- The lock makes a removal wait until the transaction that uses the right has ended.
  select exists (select from identity.operators o where o.id = p_id and o.removed_at is null for share);
$function$;
-- Only the owner may call it.

-- Whether a refresh token is valid and was never used. It does not use the token.
CREATE OR REPLACE FUNCTION identity.is_unused_refresh_token(p_token_hash bytea)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select exists (
    select from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
    where t.token_hash = p_token_hash and t.used_at is null and s.ended_at is null and s.expires_at > now());
$function$;
grant execute on function identity.is_unused_refresh_token(p_token_hash bytea) to {{app}};

-- Records that a token for an operator is made. Returns false if there is no such operator.
CREATE OR REPLACE FUNCTION identity.issue_operator_token(p_id uuid, p_token_id uuid, p_expires_at timestamp with time zone, p_cause jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if not identity.is_operator(p_id) then
    return false;
  end if;
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', p_id, null, 'OperatorTokenIssued',
    jsonb_build_object('tokenId', p_token_id, 'expiresAt', p_expires_at), now(), p_id, null);
  return true;
end $function$;
grant execute on function identity.issue_operator_token(p_id uuid, p_token_id uuid, p_expires_at timestamp with time zone, p_cause jsonb) to {{operator}};

-- Everyone who is or was an operator, in the order in which they were added.
CREATE OR REPLACE FUNCTION identity.list_operators()
 RETURNS TABLE(id uuid, name text, added_at timestamp with time zone, removed_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select o.id, o.name, o.added_at, o.removed_at from identity.operators o order by o.added_at, o.id;
$function$;
grant execute on function identity.list_operators() to {{operator}};

-- Opens a session with a proof: the version of the password that was checked, or the session whose access token was
-- sent. If the same command has opened it before, its first refresh token, which no client has received, is replaced
-- with this one. Returns the sessions that it ended because the user had more than p_max. Null: the user is not active,
-- the password was changed or the other session has ended since the proof was checked, or the session belongs to
-- another user or tenant, has ended, or is in use.
CREATE OR REPLACE FUNCTION identity.open_session(p_session_id uuid, p_user_id uuid, p_tenant_id uuid, p_member_since integer, p_token_hash bytea, p_days integer, p_access jsonb, p_network bytea, p_password_version integer, p_opened_from uuid, p_max integer, p_method text, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform identity.set_cause(p_cause);
  -- With a lock on the user: an erasure or a change of the password waits for this transaction and ends the new
  -- session, or this one waits for it and sees its result. Sessions of one user are opened one after another.
  perform from identity.users where id = p_user_id and state = 'active'
    and (p_opened_from is not null or password_version = p_password_version) for no key update;
  if not found then
    return null;
  end if;
  if p_opened_from is not null then
    -- With a lock on the session: its end waits for this transaction and ends the new session, or this one waits.
    perform from identity.sessions
      where id = p_opened_from and user_id = p_user_id and ended_at is null and expires_at > clock_timestamp() for share;
    if not found then
      return null;
    end if;
  end if;
  insert into identity.sessions (id, user_id, tenant_id, member_since, expires_at, method, opened_from, access_id, network)
  values (p_session_id, p_user_id, p_tenant_id, p_member_since, now() + make_interval(days => p_days), p_method,
    p_opened_from, access.find_or_create(p_access, p_user_id), p_network)
  on conflict (id) do nothing;
  if not found then
    perform from identity.sessions
      where id = p_session_id and user_id = p_user_id and tenant_id is not distinct from p_tenant_id
        and ended_at is null for update;
    -- A client that has used a refresh token of the session has it, and would lose it.
    if not found or exists (
      select from identity.refresh_tokens where session_id = p_session_id and used_at is not null) then
      return null;
    end if;
    delete from identity.refresh_tokens where session_id = p_session_id and used_at is null;
  end if;
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
  return identity.end_sessions_beyond(p_user_id, p_session_id, p_opened_from, p_max);
end $function$;
grant execute on function identity.open_session(p_session_id uuid, p_user_id uuid, p_tenant_id uuid, p_member_since integer, p_token_hash bytea, p_days integer, p_access jsonb, p_network bytea, p_password_version integer, p_opened_from uuid, p_max integer, p_method text, p_cause jsonb) to {{app}};

-- Deletes the sign-ups that were completed more than p_older_hours hours ago. Ends at most 1,000 sessions that have
-- expired, and deletes at most 1,000 that expired more than p_older_hours hours ago. p_now is the time of the caller:
-- the earlier of the two clocks counts, so that a clock that is ahead ends no session.
CREATE OR REPLACE FUNCTION identity.purge(p_older_hours integer, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.sign_ups where completed_at < lease.now() - make_interval(hours => p_older_hours);
  update identity.sessions set ended_at = expires_at, end_reason = 'expired' where id in (
    select id from identity.sessions where expires_at < least(now(), p_now) and ended_at is null limit 1000 for update skip locked);
  delete from identity.sessions where id in (
    select id from identity.sessions
    where expires_at < least(now(), p_now) - make_interval(hours => p_older_hours) and ended_at is not null limit 1000);
$function$;
grant execute on function identity.purge(p_older_hours integer, p_now timestamp with time zone) to {{projector}};

-- Deletes the empty rows of users whose erasure was completed more than p_older_hours hours ago, which must be longer
-- than any access token is valid.
CREATE OR REPLACE FUNCTION identity.purge_erased(p_older_hours integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.users where state = 'erased' and id in (
    select user_id from identity.erasures where checked_at < lease.now() - make_interval(hours => p_older_hours)
    limit 1000);
$function$;
grant execute on function identity.purge_erased(p_older_hours integer) to {{projector}};

-- Deletes the joins that were completed more than p_older_hours hours ago.
CREATE OR REPLACE FUNCTION identity.purge_joins(p_older_hours integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.joins where completed_at < lease.now() - make_interval(hours => p_older_hours);
$function$;
grant execute on function identity.purge_joins(p_older_hours integer) to {{projector}};

-- Records what an operator is about to do. Returns false if there is no such operator, who may not do it.
CREATE OR REPLACE FUNCTION identity.record_operator_action(p_id uuid, p_action text, p_target text, p_tenant_id uuid, p_reason text, p_cause jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if not identity.is_operator(p_id) then
    return false;
  end if;
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', p_id, null, 'OperatorActed',
    jsonb_build_object('action', p_action, 'target', p_target, 'tenantId', p_tenant_id, 'reason', p_reason), now(), p_id,
    null);
  return true;
end $function$;
grant execute on function identity.record_operator_action(p_id uuid, p_action text, p_target text, p_tenant_id uuid, p_reason text, p_cause jsonb) to {{operator}}, {{projector}};

-- Releases the address of a join whose invitation could not be used.
CREATE OR REPLACE FUNCTION identity.release_join(p_user_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from identity.users p where p.id = p_user_id and p.state = 'pending'
    and exists (select from identity.joins j where j.user_id = p.id and j.completed_at is null);
$function$;
grant execute on function identity.release_join(p_user_id uuid) to {{app}}, {{projector}};

-- Removes an operator, whose tokens are refused from then on. Returns removed, unknown (no operator has the name) or
-- forbidden (p_by is no operator).
CREATE OR REPLACE FUNCTION identity.remove_operator(p_name text, p_by uuid, p_reason text, p_cause jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_id uuid;
begin
  lock table identity.operators in share row exclusive mode;
  if not identity.is_operator(p_by) then
    return 'forbidden';
  end if;
  update identity.operators o set removed_at = now()
  where lower(o.name) = lower(p_name) and o.removed_at is null returning o.id into v_id;
  if not found then
    return 'unknown';
  end if;
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', v_id, null, 'OperatorRemoved',
    jsonb_build_object('reason', p_reason), now(), p_by, null);
  return 'removed';
end $function$;
grant execute on function identity.remove_operator(p_name text, p_by uuid, p_reason text, p_cause jsonb) to {{operator}};

-- Exchanges a refresh token for the next one. If the token was used before, it counts as stolen and the session ends,
-- unless its first use was within the grace period: two tabs of a client may refresh at the same time, and a client may
-- lose the answer. They get the same next token, so a family never forks: a thief within the grace period has the same
-- token as the user, and the second use of that token ends the session. Outcomes: rotated, reused, ended, unknown.
CREATE OR REPLACE FUNCTION identity.rotate_refresh_token(p_token_hash bytea, p_salt bytea, p_next_hash bytea, p_grace_seconds integer, p_days integer, p_cause jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(outcome text, salt bytea, next_used boolean, session_id uuid, user_id uuid, tenant_id uuid, ended uuid[])
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  session identity.sessions;
  token   identity.refresh_tokens;
  at      timestamptz;
begin
  perform identity.set_cause(p_cause);
  -- Locks the session: one refresh at a time. The token is read in a separate statement, which sees the refresh before.
  select s.* into session from identity.sessions s
    where s.id = (select t.session_id from identity.refresh_tokens t where t.token_hash = p_token_hash) for update;
  if not found then
    return query select 'unknown', null::bytea, false, null::uuid, null::uuid, null::uuid, '{}'::uuid[];
    return;
  end if;
  select t.* into token from identity.refresh_tokens t where t.token_hash = p_token_hash;
  at := clock_timestamp();   -- not now(), which is the time before the wait for the lock
  if session.ended_at is not null or session.expires_at <= at then
    return query select 'ended', null::bytea, false, session.id, session.user_id, session.tenant_id, '{}'::uuid[];
  elsif token.used_at is null then
    insert into identity.refresh_tokens (token_hash, session_id) values (p_next_hash, session.id);
    update identity.refresh_tokens t set used_at = at, next_salt = p_salt, replaced_by = p_next_hash
      where t.token_hash = p_token_hash;
    -- Used tokens are kept for as long as an unused token is valid.
    delete from identity.refresh_tokens t
      where t.session_id = session.id and t.used_at < at - make_interval(days => p_days);
    update identity.sessions s set last_used_at = at, expires_at = at + make_interval(days => p_days)
      where s.id = session.id;
    return query select 'rotated', p_salt, false, session.id, session.user_id, session.tenant_id, '{}'::uuid[];
  elsif token.used_at >= at - make_interval(secs => p_grace_seconds) then
    return query select 'rotated', token.next_salt, n.used_at is not null, session.id, session.user_id, session.tenant_id,
        '{}'::uuid[]
      from identity.refresh_tokens n where n.token_hash = token.replaced_by;
  else
    return query select 'reused', null::bytea, false, session.id, session.user_id, session.tenant_id,
      identity.end_sessions(array[session.id], 'refresh-token-reused');
  end if;
end $function$;
grant execute on function identity.rotate_refresh_token(p_token_hash bytea, p_salt bytea, p_next_hash bytea, p_grace_seconds integer, p_days integer, p_cause jsonb) to {{app}};

-- The cause of all facts of the present transaction: correlationId, accessId and causationId, each of which may be
-- missing.
CREATE OR REPLACE FUNCTION identity.set_cause(p_cause jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform set_config('identity.cause', coalesce(p_cause::text, ''), true);
end $function$;
-- Only the owner may call it.

-- Takes facts that wait for the event log, each for one caller for p_lease_seconds seconds of lease time, in their
-- order. Facts that could not be appended are taken again after that time, and do not delay those of other sessions and
-- users.
CREATE OR REPLACE FUNCTION identity.take_facts(p_lease_seconds integer, p_limit integer)
 RETURNS TABLE(seq text, command_id uuid, aggregate text, aggregate_id uuid, tenant_id uuid, type text, data jsonb, happened_at timestamp with time zone, actor_id uuid, access_id uuid, correlation_id text, causation_id uuid, attempts integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- One caller at a time: otherwise, one could take the start of a session, and another one its end, and append it first.
  perform pg_advisory_xact_lock(7301951);
  -- A minute has ended for every transaction that may still count in it: a statement takes at most 30 s.
  with ended as (
    delete from identity.failed_sign_ins f where f.ctid in (
      select o.ctid from identity.failed_sign_ins o where o.minute < now() - interval '90 seconds'
      order by o.minute limit p_limit for update skip locked)
    returning f.*)
  insert into identity.facts (aggregate, aggregate_id, type, data, happened_at, access_id)
  select 'user', e.user_id, 'SignInsFailed', jsonb_build_object('times', e.times), e.minute, e.access_id from ended e;

  return query
    with taken as (
      update identity.facts f set attempts = f.attempts + 1, attempted_at = lease.now()
      where f.seq in (
        select d.seq from identity.facts d
        where (d.attempted_at is null or d.attempted_at <= lease.now() - make_interval(secs => p_lease_seconds))
          -- An earlier fact of the same session or user that another worker has taken comes first.
          and not exists (
            select from identity.facts e where e.aggregate_id = d.aggregate_id and e.seq < d.seq
              and e.attempted_at > lease.now() - make_interval(secs => p_lease_seconds))
        order by d.seq limit p_limit for update skip locked)
      returning f.*)
    select t.seq::text, t.command_id, t.aggregate, t.aggregate_id, t.tenant_id, t.type, t.data, t.happened_at,
      t.actor_id, t.access_id, t.correlation_id, t.causation_id, t.attempts
    from taken t order by t.seq;
end $function$;
grant execute on function identity.take_facts(p_lease_seconds integer, p_limit integer) to {{projector}};

-- Claims interrupted erasures, and erasures whose second search for personal data is due (60 s after the first), each
-- for one caller at a time.
CREATE OR REPLACE FUNCTION identity.take_unfinished_erasures(p_older_seconds integer, p_limit integer)
 RETURNS TABLE(user_id uuid, command_id uuid, correlation_id text, access_id uuid, attempts integer, is_erased boolean)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update identity.erasures e set attempts = e.attempts + 1, attempted_at = lease.now()
  where e.user_id in (
    select u.user_id from identity.erasures u
    where u.checked_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
      and (u.erased_at is null or u.erased_at < lease.now() - interval '60 seconds')
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning e.user_id, e.command_id, e.correlation_id, e.access_id, e.attempts, e.erased_at is not null;
$function$;
grant execute on function identity.take_unfinished_erasures(p_older_seconds integer, p_limit integer) to {{projector}};

-- Claims interrupted joins, each for one caller at a time. Those that have failed most often are returned last.
CREATE OR REPLACE FUNCTION identity.take_unfinished_joins(p_older_seconds integer, p_limit integer)
 RETURNS TABLE(user_id uuid, tenant_id uuid, token_hash text, email_domain text, command_id uuid, correlation_id text, claimed_at timestamp with time zone, access_id uuid)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update identity.joins j set attempts = attempts + 1, attempted_at = lease.now()
  where j.user_id in (
    select u.user_id from identity.joins u
    where u.completed_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning j.user_id, j.tenant_id, j.token_hash, j.email_domain, j.command_id, j.correlation_id, j.claimed_at,
    j.access_id;
$function$;
grant execute on function identity.take_unfinished_joins(p_older_seconds integer, p_limit integer) to {{projector}};

-- Claims interrupted sign-ups, each for one caller at a time. Those that have failed most often are returned last, so
-- that they do not delay others.
CREATE OR REPLACE FUNCTION identity.take_unfinished_sign_ups(p_older_seconds integer, p_limit integer)
 RETURNS TABLE(user_id uuid, tenant_id uuid, tenant_name text, slug text, command_id uuid, correlation_id text, access_id uuid)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update identity.sign_ups s set attempts = attempts + 1, attempted_at = lease.now()
  where s.user_id in (
    select u.user_id from identity.sign_ups u
    where u.completed_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning s.user_id, s.tenant_id, s.tenant_name, s.slug, s.command_id, s.correlation_id, s.access_id;
$function$;
grant execute on function identity.take_unfinished_sign_ups(p_older_seconds integer, p_limit integer) to {{projector}};

-- How many facts wait for the event log, and the age of the oldest.
CREATE OR REPLACE FUNCTION identity.waiting_facts()
 RETURNS TABLE(facts bigint, oldest_seconds double precision)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select count(*), coalesce(extract(epoch from now() - min(happened_at)), 0)::double precision from identity.facts;
$function$;
grant execute on function identity.waiting_facts() to {{projector}};


-- ==== lease ====

-- Time for leases, retries and schedules. Wall clocks jump: with a wall clock, a lease written while the clock of a
-- server was ten minutes ahead would end ten minutes late. So leases end by lease time, which does not depend on wall
-- clocks.
create schema lease;
grant usage on schema lease to {{app}}, {{operator}}, {{projector}};

-- Lease time. It begins with the time of the wall clock, and then advances by the monotonic clocks of the running
-- processes, each of which writes it about once a second. It does not advance while no process runs.
create table lease.clock (
  single boolean not null default true,
  at timestamp with time zone not null,
  constraint clock_pkey PRIMARY KEY (single),
  constraint clock_single_check CHECK (single)
);
grant select on lease.clock to {{app}}, {{operator}};
grant select, update on lease.clock to {{projector}};

-- Schedules: work that runs at intervals, in one process at a time. A slot is a part of wall-clock time that is as long
-- as the interval.
create table lease.schedules (
  name text not null,
  -- start of the last slot that was run; null: none was run
  ran timestamp with time zone,
  -- fencing token of the last run that began: a run with another token can write nothing
  token uuid not null,
  -- in lease time
  leased_until timestamp with time zone not null,
  constraint schedules_pkey PRIMARY KEY (name)
);
grant select on lease.schedules to {{operator}};
grant insert, select, update on lease.schedules to {{projector}};

-- Begins a run if one is due and none is in progress. `slot` is the start of its slot, or null if none was begun;
-- `wait_ms` is the time until the next slot. If the last run has a slot in the future, a clock was ahead then: `ahead`
-- is true, and the run begins all the same.
CREATE OR REPLACE FUNCTION lease.begin_run(p_name text, p_every_ms bigint, p_token uuid, p_lease_ms integer, OUT slot timestamp with time zone, OUT wait_ms double precision, OUT ahead boolean)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  wall constant double precision := extract(epoch from clock_timestamp()) * 1000;
  start constant double precision := floor(wall / p_every_ms) * p_every_ms;
  present constant timestamptz := to_timestamp(start / 1000);
  known lease.schedules;
begin
  wait_ms := start + p_every_ms - wall;
  ahead := false;
  select * into known from lease.schedules s where s.name = p_name;
  if known.ran = present or known.leased_until > lease.now() then return; end if;
  insert into lease.schedules as s (name, token, leased_until)
  values (p_name, p_token, lease.now() + p_lease_ms * interval '1 millisecond')
  on conflict (name) do update set token = excluded.token, leased_until = excluded.leased_until
    where s.ran is distinct from present and s.leased_until <= lease.now();
  if found then
    slot := present;
    ahead := coalesce(known.ran > present, false);
  end if;
end $function$;
grant execute on function lease.begin_run(p_name text, p_every_ms bigint, p_token uuid, p_lease_ms integer, OUT slot timestamp with time zone, OUT wait_ms double precision, OUT ahead boolean) to {{projector}};

-- Ends a run, successful or not. False: another process has taken over the run, and nothing was written.
CREATE OR REPLACE FUNCTION lease.end_run(p_name text, p_token uuid, p_slot timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update lease.schedules set ran = p_slot, leased_until = '-infinity' where name = p_name and token = p_token;
  return found;
end $function$;
grant execute on function lease.end_run(p_name text, p_token uuid, p_slot timestamp with time zone) to {{projector}};

-- The present lease time. It reads one row.
CREATE OR REPLACE FUNCTION lease.now()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select c.at from lease.clock c$function$;
grant execute on function lease.now() to {{app}}, {{operator}}, {{projector}};

-- Extends the lease of a run to p_lease_ms from now. False: another process has taken over the run.
CREATE OR REPLACE FUNCTION lease.renew_run(p_name text, p_token uuid, p_lease_ms integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update lease.schedules set leased_until = lease.now() + p_lease_ms * interval '1 millisecond'
  where name = p_name and token = p_token;
  return found;
end $function$;
grant execute on function lease.renew_run(p_name text, p_token uuid, p_lease_ms integer) to {{projector}};

-- A process reports the lease time by its own monotonic clock, in ms since 1970, or null at its start. Returns the
-- lease time of all processes and the wall clock of the server, both in ms since 1970. Lease time never goes back. A
-- step of less than p_step_ms is not written, so that many processes together write little more often than one.
CREATE OR REPLACE FUNCTION lease.tick(p_at_ms double precision, p_step_ms double precision, OUT lease_ms double precision, OUT wall_ms double precision)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform set_config('synchronous_commit', 'off', true);
  update lease.clock c set at = to_timestamp(p_at_ms / 1000)
  where c.at < to_timestamp((p_at_ms - p_step_ms) / 1000);
  select extract(epoch from c.at) * 1000 into lease_ms from lease.clock c;
  wall_ms := extract(epoch from clock_timestamp()) * 1000;
end $function$;
grant execute on function lease.tick(p_at_ms double precision, p_step_ms double precision, OUT lease_ms double precision, OUT wall_ms double precision) to {{projector}};


-- ==== plans ====

-- Limits of plans that span several streams: reservations, and the numbers of API calls.
create schema plans;
grant usage on schema plans to {{app}}, {{operator}}, {{projector}};

-- Number of API calls of each tenant in each calendar month (UTC).
create table plans.api_calls (
  tenant_id uuid not null,
  month date not null,
  calls bigint not null,
  constraint api_calls_pkey PRIMARY KEY (tenant_id, month)
);
alter table plans.api_calls enable row level security;
alter table plans.api_calls force row level security;
create policy operator_reads on plans.api_calls as permissive for select to {{operator}}
  using (true);
create policy owner_all on plans.api_calls as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy tenant_reads on plans.api_calls as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on plans.api_calls to {{app}}, {{operator}};

-- Reservations: one row for each project or task that is about to be created. A reservation counts until the read model
-- counts the project or task. If it is overdue, the log is searched for its command, by the sweeper or when the place
-- is needed.
create table plans.reservations (
  tenant_id uuid not null,
  -- command that will use the reservation
  command_id uuid not null,
  resource text not null,
  -- to what the limit applies: the tenant for projects, the project for tasks
  scope_id uuid not null,
  -- the project or task to create
  unit_id uuid not null,
  -- by the wall clock, for processes of an older release
  expires_at timestamp with time zone not null,
  -- in lease time
  overdue_at timestamp with time zone not null default (lease.now() + '00:00:30'::interval),
  constraint reservations_pkey PRIMARY KEY (tenant_id, command_id),
  constraint reservations_resource_check CHECK ((resource = ANY (ARRAY['projects'::text, 'tasks'::text])))
);
CREATE INDEX reservations_overdue_idx ON plans.reservations USING btree (overdue_at);
CREATE INDEX reservations_scope_idx ON plans.reservations USING btree (tenant_id, scope_id);
alter table plans.reservations enable row level security;
alter table plans.reservations force row level security;
create policy owner_all on plans.reservations as permissive for all to {{owner}}
  using (true)
  with check (true);
create policy projector_reads on plans.reservations as permissive for select to {{projector}}
  using (true);
create policy tenant_works on plans.reservations as permissive for all to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")))
  with check ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant insert, select, update on plans.reservations to {{app}};
grant select on plans.reservations to {{projector}};

-- Adds the calls that a process has counted, and returns the number of calls of each tenant in all processes. It writes
-- in the order of tenant ids, so that two processes cannot deadlock.
CREATE OR REPLACE FUNCTION plans.count_calls(p_tenant_ids uuid[], p_month date, p_calls bigint[])
 RETURNS TABLE(tenant_id uuid, calls bigint)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into plans.api_calls as c (tenant_id, month, calls)
  select s.tenant_id, p_month, s.calls from unnest(p_tenant_ids, p_calls) as s(tenant_id, calls) order by s.tenant_id
  on conflict (tenant_id, month) do update set calls = c.calls + excluded.calls
  returning c.tenant_id, c.calls;
$function$;
grant execute on function plans.count_calls(p_tenant_ids uuid[], p_month date, p_calls bigint[]) to {{app}};

-- Deletes the reservations and counted calls of a tenant.
CREATE OR REPLACE FUNCTION plans.erase_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from plans.reservations where tenant_id = p_tenant_id;
  delete from plans.api_calls where tenant_id = p_tenant_id;
$function$;
-- Only the owner may call it.

-- Reserves one unit of a limited resource, or returns how many are used (`taken` is false then). It runs as its caller,
-- under row-level security. The lock serialises reservations below the same limit; each statement after it sees what
-- was committed before.
CREATE OR REPLACE FUNCTION plans.reserve(p_tenant_id uuid, p_command_id uuid, p_resource text, p_scope_id uuid, p_unit_id uuid, p_limit integer, p_ttl_seconds integer)
 RETURNS TABLE(taken boolean, used integer, held integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_used integer;
  v_all integer;
  v_held integer;
begin
  perform pg_advisory_xact_lock(hashtextextended(p_tenant_id::text || p_scope_id::text, 7301949));
  -- In one statement, so that both are counted at the same moment: otherwise a unit that is projected in between would
  -- be in neither count.
  select
    -- A unit that this command has already created does not count: a repeat of the command must not be refused.
    (select count(*) from (
      select from read_model.plan_units u where u.tenant_id = p_tenant_id and u.scope_id = p_scope_id
        and u.command_id <> p_command_id limit p_limit) units),
    (select count(*) from plans.reservations r
      where r.tenant_id = p_tenant_id and r.scope_id = p_scope_id and r.command_id <> p_command_id
        and not exists (
          select from read_model.plan_units u
          where u.tenant_id = r.tenant_id and u.unit_id = r.unit_id and u.command_id = r.command_id))
  into v_used, v_held;
  if v_used + v_held >= p_limit then
    -- v_used ends at the limit. After a change to a smaller plan, there may be many more.
    if p_resource = 'projects' then
      select c.projects into v_all from read_model.plan_counts c where c.tenant_id = p_tenant_id;
    else
      select t.tasks into v_all from read_model.plan_tasks t
      where t.tenant_id = p_tenant_id and t.project_id = p_scope_id;
    end if;
    return query select false, coalesce(v_all, 0) + v_held, v_held;
    return;
  end if;
  insert into plans.reservations as r (tenant_id, command_id, resource, scope_id, unit_id, expires_at, overdue_at)
  values (p_tenant_id, p_command_id, p_resource, p_scope_id, p_unit_id, now() + make_interval(secs => p_ttl_seconds),
    lease.now() + make_interval(secs => p_ttl_seconds))
  on conflict (tenant_id, command_id) do update set expires_at = excluded.expires_at, overdue_at = excluded.overdue_at;
  return query select true, v_used + v_held + 1, v_held;
end $function$;
grant execute on function plans.reserve(p_tenant_id uuid, p_command_id uuid, p_resource text, p_scope_id uuid, p_unit_id uuid, p_limit integer, p_ttl_seconds integer) to {{app}};

-- Deletes reservations, also of several tenants: those that the read model counts now, and those that were not used.
CREATE OR REPLACE FUNCTION plans.settle(p_tenant_ids uuid[], p_command_ids uuid[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from plans.reservations r using unnest(p_tenant_ids, p_command_ids) as s(tenant_id, command_id)
  where r.tenant_id = s.tenant_id and r.command_id = s.command_id;
$function$;
grant execute on function plans.settle(p_tenant_ids uuid[], p_command_ids uuid[]) to {{app}}, {{projector}};


-- ==== platform ====

create schema platform;

create table platform.migrations (
  id text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migrations_pkey PRIMARY KEY (id)
);


-- ==== projecting ====

-- The state of the projections: checkpoints, parked and skipped events, rebuilds and processes.
create schema projecting;
grant usage on schema projecting to {{app}}, {{operator}}, {{projector}};

-- The checkpoint of each projection. A worker locks the row while it advances the checkpoint.
create table projecting.checkpoints (
  projection text not null,
  -- version of the projection whose tables are installed; a process that needs another version requests a rebuild
  version integer not null,
  -- the read model contains all events up to this position
  "position" numeric(20,0) not null default 0,
  -- raised by each change that a running worker must notice
  epoch integer not null default 0,
  state text not null default 'running'::text,
  moved_at timestamp with time zone not null default now(),
  -- tables of the installed version; a rebuild to another version replaces all of them
  tables text[],
  -- the event at the position, or the last event before it; null: not known
  mark event_log.mark,
  constraint checkpoints_pkey PRIMARY KEY (projection),
  constraint checkpoints_state_check CHECK ((state = ANY (ARRAY['running'::text, 'paused'::text])))
);
grant select on projecting.checkpoints to {{app}}, {{operator}};
grant delete, insert, select, update on projecting.checkpoints to {{projector}};

-- Every event type and schema version that any release could write on this database. A release that does not know one
-- of them reports it at its start, without reading the log.
create table projecting.event_types (
  type text not null,
  schema_version integer not null,
  first_seen_at timestamp with time zone not null default now(),
  constraint event_types_pkey PRIMARY KEY (type, schema_version)
);
grant select on projecting.event_types to {{operator}};
grant insert, select on projecting.event_types to {{projector}};

-- The parts of the tables that the schema file of the installed version created. All other parts were added by
-- operators.
create table projecting.installed_parts (
  projection text not null,
  parts jsonb not null,
  constraint installed_parts_pkey PRIMARY KEY (projection),
  constraint installed_parts_projection_fkey FOREIGN KEY (projection) REFERENCES projecting.checkpoints(projection)
);
grant insert, select on projecting.installed_parts to {{projector}};

-- Parked partitions, each with the event that the projection could not process. The partition (a tenant, or a user
-- outside of all tenants) is no longer updated in this projection; all other partitions continue.
create table projecting.parked (
  projection text not null,
  partition uuid not null,
  -- true: the partition is the stream of a user, outside of all tenants
  outside boolean not null,
  aggregate text not null,
  "position" numeric(20,0) not null,
  event_type text not null,
  error text not null,
  attempts integer not null default 1,
  parked_at timestamp with time zone not null default now(),
  -- refused: the handler failed, and an operator must continue; newer-release: this release does not know the event
  -- yet, and a worker retries by itself
  kind text not null default 'refused'::text,
  schema_version integer not null default 1,
  constraint parked_pkey PRIMARY KEY (projection, partition),
  constraint parked_projection_fkey FOREIGN KEY (projection) REFERENCES projecting.checkpoints(projection) ON DELETE CASCADE,
  constraint parked_kind_check CHECK ((kind = ANY (ARRAY['refused'::text, 'newer-release'::text])))
);
grant select on projecting.parked to {{operator}};
grant delete, insert, select, update on projecting.parked to {{projector}};

-- The running processes of the product, with the versions of their projections.
create table projecting.processes (
  process_id uuid not null,
  role text not null,
  versions jsonb not null,
  -- a counter that grows while the process lives; it does not depend on a clock
  beats bigint not null default 0,
  started_at timestamp with time zone not null default now(),
  seen_at timestamp with time zone not null default now(),
  constraint processes_pkey PRIMARY KEY (process_id)
);
grant select on projecting.processes to {{operator}};
grant delete, insert, select, update on projecting.processes to {{projector}};

-- Rebuilds of read models, open and ended. A failed rebuild is open, because it is tried again.
create table projecting.rebuilds (
  id uuid not null,
  projection text not null,
  state text not null default 'requested'::text,
  "position" numeric(20,0) not null default 0,
  target numeric(20,0) not null default 0,
  events bigint not null default 0,
  error text,
  requested_at timestamp with time zone not null default now(),
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  -- requested version; only a worker whose release has this version runs the rebuild
  version integer not null,
  -- true: the requested version may replace a higher one
  downgrade boolean not null default false,
  -- fencing token, raised by each worker that begins an attempt
  attempt integer not null default 0,
  failures integer not null default 0,
  next_attempt_at timestamp with time zone not null default now(),
  -- the parts of the tables that the schema file of the requested version creates
  parts jsonb,
  -- the attempt that wrote `parts`
  parts_attempt integer,
  constraint rebuilds_pkey PRIMARY KEY (id),
  constraint rebuilds_projection_fkey FOREIGN KEY (projection) REFERENCES projecting.checkpoints(projection) ON DELETE CASCADE,
  constraint rebuilds_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'loading'::text, 'catching-up'::text, 'failed'::text, 'done'::text, 'superseded'::text])))
);
CREATE UNIQUE INDEX rebuilds_open_idx ON projecting.rebuilds USING btree (projection, version) WHERE (state = ANY (ARRAY['requested'::text, 'loading'::text, 'catching-up'::text, 'failed'::text]));
grant select on projecting.rebuilds to {{operator}};
grant delete, insert, select, update on projecting.rebuilds to {{projector}};

-- Events that an operator has skipped. The projection never processes them, not even in a rebuild.
create table projecting.skipped (
  projection text not null,
  event_id uuid not null,
  partition uuid not null,
  event_type text not null,
  "position" numeric(20,0) not null,
  -- the error for which the event was parked
  error text not null,
  -- the operator's user name on the machine
  skipped_by text not null,
  skipped_at timestamp with time zone not null default now(),
  constraint skipped_pkey PRIMARY KEY (projection, event_id),
  constraint skipped_projection_fkey FOREIGN KEY (projection) REFERENCES projecting.checkpoints(projection) ON DELETE CASCADE
);
grant select on projecting.skipped to {{operator}};
grant delete, insert, select on projecting.skipped to {{projector}};

-- Creates one part on a table in a schema. In schemas other than read_model, this works only for indexes, triggers and
-- policies.
CREATE OR REPLACE FUNCTION projecting.add_part(p_schema text, p_kind text, p_table text, p_name text, p_definition text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_table  text := format(' ON read_model.%I ', p_table);
  v_at     integer := position(v_table in p_definition);
  v_reason text;
begin
  -- Only the first occurrence is the table: a condition may contain the same text.
  execute case when p_schema = 'read_model' or v_at = 0 then p_definition
    else overlay(p_definition placing format(' ON %I.%I ', p_schema, p_table) from v_at for length(v_table)) end;
exception
  when lock_not_available or deadlock_detected or query_canceled then raise;
  when others then
    get stacked diagnostics v_reason = message_text;
    raise exception 'the % % of table % cannot be created on the new table: %', p_kind, p_name, p_table, v_reason
      using errcode = '2BP01', detail = 'Drop it, or change it so that it is valid for the new table.';
end $function$;
-- Only the owner may call it.

-- The parts that operators have added to the tables of a read model: parts that neither the installed version nor the
-- requested one creates. `refusal` says why a rebuild cannot create a part again; null: it can. Parts of a table that
-- the requested version no longer has are dropped with the table.
CREATE OR REPLACE FUNCTION projecting.additions(p_rebuild uuid, p_attempt integer)
 RETURNS TABLE(kind text, of_table text, name text, definition text, refusal text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select p.kind, p.of_table, p.name, p.definition, case
      when exists (select from jsonb_array_elements(r.parts) n
          where n ->> 'kind' = p.kind and n ->> 'of_table' = p.of_table and n ->> 'name' = p.name)
        then 'this release creates another one with the same name; drop or rename it'
      when p.kind in ('column', 'constraint', 'rule', 'publication', 'replica identity')
        then 'a rebuild cannot create it again; drop it before the rebuild, and create it again afterwards'
    end
  from projecting.rebuilds r
  join projecting.checkpoints c on c.projection = r.projection
  left join projecting.installed_parts i on i.projection = r.projection
  cross join lateral projecting.parts_of('read_model', array(
    select distinct n ->> 'of_table' from jsonb_array_elements(r.parts) n where n ->> 'kind' = 'column')) p
  where r.id = p_rebuild and r.parts_attempt = p_attempt
    and not r.parts @> jsonb_build_array(to_jsonb(p))
    and case when i.parts is not null then not i.parts @> jsonb_build_array(to_jsonb(p))
      -- If the parts of the installed version are not known, a part with the name of one of the product counts as its
      -- part.
      else p.kind <> 'column' and not exists (select from jsonb_array_elements(r.parts) n
        where n ->> 'kind' = p.kind and n ->> 'of_table' = p.of_table and n ->> 'name' = p.name)
    end
$function$;
grant execute on function projecting.additions(p_rebuild uuid, p_attempt integer) to {{projector}};

-- Creates the parts that operators have added, on the new tables of an attempt. It runs as the owner of the database,
-- because the projector may have no right to call the functions that an index or a trigger uses.
CREATE OR REPLACE FUNCTION projecting.carry_over(p_rebuild uuid, p_attempt integer, p_kinds text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_schema text := format('read_model_rebuild_%s_%s', replace(p_rebuild::text, '-', ''), p_attempt);
  v_tables text[];
begin
  select array_agg(distinct of_table) into v_tables from projecting.additions(p_rebuild, p_attempt);
  perform projecting.add_part(v_schema, a.kind, a.of_table, a.name, a.definition)
    from projecting.additions(p_rebuild, p_attempt) a
    where a.kind = any (p_kinds) and a.refusal is null and not exists (
      select from projecting.parts_of(v_schema, v_tables) n
      where (n.kind, n.of_table, n.name) = (a.kind, a.of_table, a.name));
end $function$;
grant execute on function projecting.carry_over(p_rebuild uuid, p_attempt integer, p_kinds text[]) to {{projector}};

-- Creates the schema in which an attempt of a rebuild builds its tables, so that two attempts never share a table or
-- the name of an index. Returns its name. The projector may not create schemas, so this function does it as the owner,
-- for the current attempt only.
CREATE OR REPLACE FUNCTION projecting.create_shadow(p_rebuild uuid, p_attempt integer)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_schema text := format('read_model_rebuild_%s_%s', replace(p_rebuild::text, '-', ''), p_attempt);
begin
  perform from projecting.rebuilds
    where id = p_rebuild and attempt = p_attempt and state in ('loading', 'catching-up');
  if not found then
    raise exception 'attempt % of rebuild % has no right to build tables', p_attempt, p_rebuild using errcode = 'P0001';
  end if;
  execute format('create schema %I authorization {{projector}}', v_schema);
  execute format('alter default privileges for role {{projector}} in schema %I grant select on tables to {{app}}, {{operator}}',
    v_schema);
  return v_schema;
end $function$;
grant execute on function projecting.create_shadow(p_rebuild uuid, p_attempt integer) to {{projector}};

-- Objects of operators that depend on the tables and that a rebuild cannot keep. Views are not among them: a rebuild
-- keeps them.
CREATE OR REPLACE FUNCTION projecting.dependents(p_tables text[])
 RETURNS TABLE(dependent text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with old as (
    select c.oid, c.reltype from pg_class c
    where c.relnamespace = 'read_model'::regnamespace and c.relname = any (p_tables)
  ), types as (
    select reltype as oid from old union all select t.oid from pg_type t join old on t.typelem = old.reltype
  )
  select distinct pg_describe_object(d.classid, d.objid, 0) from pg_depend d
  left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
  left join pg_class v on v.oid = r.ev_class
  where d.deptype in ('n', 'a')
    and (d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from old)
      or d.refclassid = 'pg_type'::regclass and d.refobjid in (select oid from types))
    and v.relkind is distinct from 'v'
    and not exists (select from old
      left join pg_constraint c on d.classid = 'pg_constraint'::regclass and c.oid = d.objid and c.conrelid = old.oid
      left join pg_policy p on d.classid = 'pg_policy'::regclass and p.oid = d.objid and p.polrelid = old.oid
      left join pg_trigger t on d.classid = 'pg_trigger'::regclass and t.oid = d.objid and t.tgrelid = old.oid
      left join pg_attrdef a on d.classid = 'pg_attrdef'::regclass and a.oid = d.objid and a.adrelid = old.oid
      left join pg_index i on d.classid = 'pg_class'::regclass and i.indexrelid = d.objid and i.indrelid = old.oid
      left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid and w.ev_class = old.oid
      left join pg_statistic_ext s on d.classid = 'pg_statistic_ext'::regclass and s.oid = d.objid and s.stxrelid = old.oid
      left join pg_publication_rel b on d.classid = 'pg_publication_rel'::regclass and b.oid = d.objid and b.prrelid = old.oid
      where coalesce(c.oid, p.oid, t.oid, a.oid, i.indexrelid, w.oid, s.oid, b.oid) is not null)
$function$;
grant execute on function projecting.dependents(p_tables text[]) to {{projector}};

-- Deletes the parked and skipped events of a tenant, because the text of an error may contain values of the tenant.
CREATE OR REPLACE FUNCTION projecting.erase_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from projecting.parked where partition = p_tenant_id and not outside;
  -- A partition is a tenant, or the stream of a user outside of all tenants. No id is the id of both.
  delete from projecting.skipped where partition = p_tenant_id;
$function$;
-- Only the owner may call it.

-- The parts of tables as one JSON array.
CREATE OR REPLACE FUNCTION projecting.parts_as_json(p_schema text, p_tables text[])
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(jsonb_agg(to_jsonb(p)), '[]') from projecting.parts_of(p_schema, p_tables) p
$function$;
grant execute on function projecting.parts_as_json(p_schema text, p_tables text[]) to {{projector}};

-- The parts of tables: columns, constraints, indexes and so on, named as in the schema read_model. `definition` is SQL
-- that creates the part, except for columns, constraints, rules, publications and replica identities, which are only
-- compared.
CREATE OR REPLACE FUNCTION projecting.parts_of(p_schema text, p_tables text[])
 RETURNS TABLE(kind text, of_table text, name text, definition text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with t as (
    select c.oid, c.relname as tab, c.relreplident, c.reloptions from pg_class c
    where c.relnamespace = to_regnamespace(quote_ident(p_schema)) and c.relname = any (p_tables) and c.relkind = 'r'
  ), parts (kind, tab, name, definition) as (
    select 'column', tab, a.attname::text,
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid))
      from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    union all
    select 'constraint', tab, n.conname, pg_get_constraintdef(n.oid)
      from t join pg_constraint n on n.conrelid = t.oid and n.contype in ('p', 'u', 'x', 'c', 'f')
    union all
    select 'index', tab, c.relname, pg_get_indexdef(c.oid)
      from t join pg_index i on i.indrelid = t.oid and i.indisvalid join pg_class c on c.oid = i.indexrelid
      where not exists (select from pg_constraint n where n.conindid = c.oid and n.conrelid = t.oid)
    union all
    select 'trigger', tab, g.tgname, pg_get_triggerdef(g.oid)
      from t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
    union all
    select 'trigger state', tab, g.tgname, format('ALTER TABLE read_model.%I %s TRIGGER %I', tab,
        case g.tgenabled when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' else 'ENABLE ALWAYS' end, g.tgname)
      from t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal and g.tgenabled <> 'O'
    union all
    select 'policy', tab, p.polname, format('CREATE POLICY %I ON read_model.%I AS %s FOR %s TO %s%s%s', p.polname, tab,
        case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
        case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end,
        (select string_agg(case when r = 0 then 'PUBLIC' else r::regrole::text end, ', ' order by r) from unnest(p.polroles) r),
        ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
      from t join pg_policy p on p.polrelid = t.oid
    union all
    select 'statistics', tab, format('%I.%I', s.stxnamespace::regnamespace::text, s.stxname), pg_get_statisticsobjdef(s.oid)
      from t join pg_statistic_ext s on s.stxrelid = t.oid
    union all
    select 'setting', tab, o.option_name, format('ALTER TABLE read_model.%I SET (%I = %L)', tab, o.option_name, o.option_value)
      from t, pg_options_to_table(t.reloptions) o
    union all
    select 'comment', tab, coalesce(a.attname::text, tab::text), format('COMMENT ON %s IS %L',
        case when a.attname is null then format('TABLE read_model.%I', tab) else format('COLUMN read_model.%I.%I', tab, a.attname) end,
        d.description)
      from t join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = t.oid
      left join pg_attribute a on a.attrelid = t.oid and a.attnum = d.objsubid and d.objsubid > 0
    union all
    select 'rule', tab, w.rulename, pg_get_ruledef(w.oid) from t join pg_rewrite w on w.ev_class = t.oid
    union all
    select 'publication', tab, p.pubname, ''
      from t join pg_publication_rel r on r.prrelid = t.oid join pg_publication p on p.oid = r.prpubid
    union all
    select 'replica identity', tab, tab, t.relreplident::text from t where t.relreplident <> 'd'
  )
  select kind, tab, name, replace(definition, p_schema || '.', 'read_model.') from parts
$function$;
grant execute on function projecting.parts_of(p_schema text, p_tables text[]) to {{projector}};

-- Replaces the tables of a read model with those of an attempt, in the caller's transaction. Grants of operators and
-- the parts that they have added to the old tables are created on the new ones. Views are changed to read the new
-- tables; their owner, grants and options stay. If something cannot be kept, the function fails with an error that
-- names it.
CREATE OR REPLACE FUNCTION projecting.swap_tables(p_rebuild uuid, p_attempt integer, p_retired text[], p_tables text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_schema text := format('read_model_rebuild_%s_%s', replace(p_rebuild::text, '-', ''), p_attempt);
  v_old    oid[];
  v_views  jsonb;
  v_added  jsonb;
  v_view   jsonb;
  v_grants text[];
  v_text   text;
  v_reason text;
begin
  -- A part that was added after the load began may be of a kind that only a new attempt can create.
  select string_agg(format('%s %s on table %s: %s', a.kind, a.name, a.of_table, coalesce(a.refusal,
      'it was added during the rebuild, and the next attempt creates it')), '; ') into v_text
    from projecting.additions(p_rebuild, p_attempt) a
    where a.refusal is not null or a.kind = 'index' and not exists (
      select from projecting.parts_of(v_schema, p_tables) n
      where (n.kind, n.of_table, n.name, n.definition) = (a.kind, a.of_table, a.name, a.definition));
  if v_text is not null then
    raise exception 'the tables cannot be replaced because of what was added to them: %', v_text using errcode = '2BP01';
  end if;
  select jsonb_agg(jsonb_build_object('kind', a.kind, 'table', a.of_table, 'name', a.name, 'definition', a.definition)
      order by a.kind, a.name) into v_added
    from projecting.additions(p_rebuild, p_attempt) a where a.kind <> 'index';
  select array_agg(c.oid) into v_old from pg_class c
    where c.relnamespace = 'read_model'::regnamespace and c.relname = any (p_retired) and c.relkind = 'r'
      and c.relowner = '{{projector}}'::regrole;
  -- The definitions of views are read while they refer to the old tables. Below, they are created again for the new
  -- tables, which have the same names.
  select jsonb_agg(jsonb_build_object('name', v.oid::regclass::text, 'definition', pg_get_viewdef(v.oid),
      'options', (select string_agg(format('%I = %L', o.option_name, o.option_value), ', ') from pg_options_to_table(v.reloptions) o)))
    into v_views
    from pg_class v
    where v.relkind = 'v' and exists (
      select from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
      where r.ev_class = v.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = any (v_old));
  select array_agg(format('grant %s%s on read_model.%I to %s%s', g.privilege_type, g.columns, g.relname,
      case when g.grantee = 0 then 'public' else g.grantee::regrole::text end,
      case when g.is_grantable then ' with grant option' else '' end))
    into v_grants
    from (
      select c.relname, '' as columns, a.* from pg_class c, aclexplode(c.relacl) a
        where c.oid = any (v_old) and a.grantee <> c.relowner and c.relname = any (p_tables)
      union all
      select c.relname, format(' (%I)', t.attname), a.* from pg_class c
        join pg_attribute t on t.attrelid = c.oid and not t.attisdropped, aclexplode(t.attacl) a
        where c.oid = any (v_old) and a.grantee <> c.relowner and c.relname = any (p_tables)
          and exists (select from pg_attribute n where n.attname = t.attname and not n.attisdropped
            and n.attrelid = format('%I.%I', v_schema, c.relname)::regclass)
    ) g;
  for v_text in select c.relname from pg_class c where c.oid = any (v_old) loop
    execute format('alter table read_model.%I set schema read_model_retired', v_text);
  end loop;
  foreach v_text in array p_tables loop
    execute format('alter table %I.%I set schema read_model', v_schema, v_text);
  end loop;
  foreach v_text in array coalesce(v_grants, '{}') loop
    execute v_text;
  end loop;
  for v_view in select * from jsonb_array_elements(coalesce(v_views, '[]')) loop
    begin
      execute format('create or replace view %s%s as %s', v_view ->> 'name',
        coalesce(' with (' || (v_view ->> 'options') || ')', ''), v_view ->> 'definition');
    exception
      when lock_not_available or deadlock_detected then raise;
      when others then
        get stacked diagnostics v_reason = message_text;
        raise exception 'the view % cannot be created for the new tables: %', v_view ->> 'name', v_reason
          using errcode = '2BP01', detail = 'Drop it, or change it so that it is valid for the new tables.';
    end;
  end loop;
  for v_text in select c.relname from pg_class c where c.oid = any (v_old) loop
    execute format('drop table read_model_retired.%I', v_text);
  end loop;
  -- After the old tables are dropped, because only then the names of their statistics objects are free.
  for v_view in select * from jsonb_array_elements(coalesce(v_added, '[]')) loop
    perform projecting.add_part('read_model', v_view ->> 'kind', v_view ->> 'table', v_view ->> 'name', v_view ->> 'definition');
  end loop;
  -- If this attempt has written no parts, the parts of the former version are deleted, because they are no longer true.
  delete from projecting.installed_parts i using projecting.rebuilds r where r.id = p_rebuild and i.projection = r.projection;
  insert into projecting.installed_parts (projection, parts)
    select r.projection, r.parts from projecting.rebuilds r
    where r.id = p_rebuild and r.parts_attempt = p_attempt and r.parts is not null;
end $function$;
grant execute on function projecting.swap_tables(p_rebuild uuid, p_attempt integer, p_retired text[], p_tables text[]) to {{projector}};


-- ==== reacting ====

-- The checkpoints of reactions, and the events that they have set aside or parked.
create schema reacting;
grant usage on schema reacting to {{operator}}, {{projector}};

-- The checkpoint of each reaction. One worker at a time runs a reaction, under a lease and not under a lock: if it
-- stops responding, another worker takes over when its lease ends.
create table reacting.checkpoints (
  reaction text not null,
  -- all events up to this position were processed or set aside
  "position" numeric(20,0) not null default 0,
  -- fencing token: each claim writes a new one, and each write checks it
  holder uuid not null,
  -- in lease time
  leased_until timestamp with time zone not null,
  moved_at timestamp with time zone not null default now(),
  -- the event at the position, or the last event before it; null: not known
  mark event_log.mark,
  constraint checkpoints_pkey PRIMARY KEY (reaction)
);
grant select on reacting.checkpoints to {{operator}};
grant delete, insert, select, update on reacting.checkpoints to {{projector}};

-- Events that were set aside or parked, while the checkpoint advances and the events of other partitions are processed.
create table reacting.parked (
  reaction text not null,
  event_id uuid not null,
  event_type text not null,
  "position" numeric(20,0) not null,
  -- the tenant, or the user
  partition uuid not null,
  -- true: the partition is the stream of a user, outside of all tenants
  outside boolean not null,
  -- with aggregate_id and version: where the event is in the log
  aggregate text not null,
  aggregate_id uuid not null,
  version integer not null,
  error text not null,
  attempts integer not null,
  -- an operator has requested another attempt
  retry boolean not null default false,
  parked_at timestamp with time zone not null default now(),
  -- true: set aside, the worker processes it by itself in the order of the partition; false: parked, it waits for an
  -- operator
  waiting boolean not null default false,
  constraint parked_pkey PRIMARY KEY (reaction, event_id),
  constraint parked_reaction_fkey FOREIGN KEY (reaction) REFERENCES reacting.checkpoints(reaction) ON DELETE CASCADE
);
CREATE INDEX parked_waiting_idx ON reacting.parked USING btree (reaction, partition, "position") WHERE waiting;
grant select on reacting.parked to {{operator}};
grant delete, insert, select, update on reacting.parked to {{projector}};

-- Deletes the parked events of a tenant.
CREATE OR REPLACE FUNCTION reacting.erase_tenant(p_tenant_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from reacting.parked where partition = p_tenant_id and not outside;
$function$;
-- Only the owner may call it.


-- ==== read_model ====

-- Read models: the tables that queries read. Projections write them, and can rebuild them from the event log.
create schema read_model authorization {{projector}};
grant usage on schema read_model to {{app}}, {{operator}};
alter default privileges for role {{projector}} in schema read_model grant select on tables to {{app}};
alter default privileges for role {{projector}} in schema read_model grant select on tables to {{operator}};

create table read_model.billing (
  tenant_id uuid not null,
  plan text not null,
  plan_version integer not null,
  grace_days integer not null,
  seats integer,
  subscription_id text,
  status text,
  period_end timestamp with time zone,
  trial_end timestamp with time zone,
  cancel_at timestamp with time zone,
  failing_since timestamp with time zone,
  lock text not null,
  lock_reason text,
  locked_since timestamp with time zone,
  suspend_at timestamp with time zone,
  constraint billing_pkey PRIMARY KEY (tenant_id)
);
alter table read_model.billing owner to {{projector}};
CREATE INDEX billing_failing_idx ON read_model.billing USING btree (failing_since) WHERE (failing_since IS NOT NULL);
alter table read_model.billing enable row level security;
alter table read_model.billing force row level security;
create policy operator_reads on read_model.billing as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.billing as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.billing as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.billing to {{app}}, {{operator}};

create table read_model.billing_history (
  tenant_id uuid not null,
  "position" bigint not null,
  type text not null,
  recorded_at timestamp with time zone not null,
  actor text not null,
  correlation_id text not null,
  data jsonb not null,
  constraint billing_history_pkey PRIMARY KEY (tenant_id, "position")
);
alter table read_model.billing_history owner to {{projector}};
alter table read_model.billing_history enable row level security;
alter table read_model.billing_history force row level security;
create policy operator_reads on read_model.billing_history as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.billing_history as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.billing_history as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.billing_history to {{app}}, {{operator}};

create table read_model.closed_tenants (
  tenant_id uuid not null,
  erase_after timestamp with time zone not null,
  constraint closed_tenants_pkey PRIMARY KEY (tenant_id)
);
alter table read_model.closed_tenants owner to {{projector}};
CREATE INDEX closed_tenants_due_idx ON read_model.closed_tenants USING btree (erase_after);
alter table read_model.closed_tenants enable row level security;
alter table read_model.closed_tenants force row level security;
create policy operator_reads on read_model.closed_tenants as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.closed_tenants as permissive for all to {{projector}}
  using (true)
  with check (true);
grant select on read_model.closed_tenants to {{app}}, {{operator}};

create table read_model.companies (
  tenant_id uuid not null,
  name text not null,
  slug text not null,
  constraint companies_pkey PRIMARY KEY (tenant_id)
);
alter table read_model.companies owner to {{projector}};
alter table read_model.companies enable row level security;
alter table read_model.companies force row level security;
create policy operator_reads on read_model.companies as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.companies as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenants_read on read_model.companies as permissive for select to {{app}}
  using ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenant_ids'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[])));
grant select on read_model.companies to {{app}}, {{operator}};

create table read_model.invitation_tokens (
  token_hash text not null,
  tenant_id uuid not null,
  invitation_id uuid not null,
  constraint invitation_tokens_pkey PRIMARY KEY (token_hash)
);
alter table read_model.invitation_tokens owner to {{projector}};
alter table read_model.invitation_tokens enable row level security;
alter table read_model.invitation_tokens force row level security;
create policy holder_reads on read_model.invitation_tokens as permissive for select to {{app}}
  using ((token_hash = ( SELECT NULLIF(current_setting('app.invitation'::text, true), ''::text) AS "nullif")));
create policy operator_reads on read_model.invitation_tokens as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.invitation_tokens as permissive for all to {{projector}}
  using (true)
  with check (true);
grant select on read_model.invitation_tokens to {{app}}, {{operator}};

create table read_model.invitations (
  tenant_id uuid not null,
  invitation_id uuid not null,
  role text not null,
  max_uses integer not null,
  uses integer not null,
  expires_at timestamp with time zone not null,
  revoked boolean not null,
  email_domains jsonb not null,
  invited_by uuid not null,
  constraint invitations_pkey PRIMARY KEY (tenant_id, invitation_id)
);
alter table read_model.invitations owner to {{projector}};
CREATE INDEX invitations_open_idx ON read_model.invitations USING btree (tenant_id, expires_at) WHERE ((NOT revoked) AND (uses < max_uses));
alter table read_model.invitations enable row level security;
alter table read_model.invitations force row level security;
create policy operator_reads on read_model.invitations as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.invitations as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.invitations as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.invitations to {{app}}, {{operator}};

create table read_model.invoices (
  tenant_id uuid not null,
  invoice_id text not null,
  number text,
  status text not null,
  amount bigint not null,
  amount_due bigint not null,
  amount_paid bigint not null,
  currency text not null,
  created_at timestamp with time zone not null,
  url text,
  attempts integer not null,
  next_attempt_at timestamp with time zone,
  constraint invoices_pkey PRIMARY KEY (tenant_id, invoice_id)
);
alter table read_model.invoices owner to {{projector}};
CREATE INDEX invoices_created_idx ON read_model.invoices USING btree (tenant_id, created_at, invoice_id);
alter table read_model.invoices enable row level security;
alter table read_model.invoices force row level security;
create policy operator_reads on read_model.invoices as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.invoices as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.invoices as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.invoices to {{app}}, {{operator}};

create table read_model.members (
  tenant_id uuid not null,
  user_id uuid not null,
  role text not null,
  joined_at timestamp with time zone not null,
  joined_position bigint not null,
  version integer not null,
  constraint members_pkey PRIMARY KEY (tenant_id, user_id)
);
alter table read_model.members owner to {{projector}};
CREATE INDEX members_joined_idx ON read_model.members USING btree (tenant_id, joined_position);
alter table read_model.members enable row level security;
alter table read_model.members force row level security;
create policy operator_reads on read_model.members as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.members as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.members as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.members to {{app}}, {{operator}};

create table read_model.memberships (
  user_id uuid not null,
  tenant_id uuid not null,
  role text not null,
  joined_position bigint not null,
  constraint memberships_pkey PRIMARY KEY (user_id, tenant_id)
);
alter table read_model.memberships owner to {{projector}};
alter table read_model.memberships enable row level security;
alter table read_model.memberships force row level security;
create policy operator_reads on read_model.memberships as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.memberships as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy user_reads on read_model.memberships as permissive for select to {{app}}
  using ((user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.memberships to {{app}}, {{operator}};

create table read_model.plan_counts (
  tenant_id uuid not null,
  seats integer not null,
  teams integer not null,
  projects integer not null,
  constraint plan_counts_pkey PRIMARY KEY (tenant_id)
) with (fillfactor=80);
alter table read_model.plan_counts owner to {{projector}};
alter table read_model.plan_counts enable row level security;
alter table read_model.plan_counts force row level security;
create policy operator_reads on read_model.plan_counts as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.plan_counts as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.plan_counts as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.plan_counts to {{app}}, {{operator}};

create table read_model.plan_tasks (
  tenant_id uuid not null,
  project_id uuid not null,
  tasks integer not null,
  constraint plan_tasks_pkey PRIMARY KEY (tenant_id, project_id)
);
alter table read_model.plan_tasks owner to {{projector}};
CREATE INDEX plan_tasks_most_idx ON read_model.plan_tasks USING btree (tenant_id, tasks);
alter table read_model.plan_tasks enable row level security;
alter table read_model.plan_tasks force row level security;
create policy operator_reads on read_model.plan_tasks as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.plan_tasks as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.plan_tasks as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.plan_tasks to {{app}}, {{operator}};

create table read_model.plan_terms (
  tenant_id uuid not null,
  plan text not null,
  version integer not null,
  limits jsonb not null,
  features jsonb not null,
  constraint plan_terms_pkey PRIMARY KEY (tenant_id)
);
alter table read_model.plan_terms owner to {{projector}};
alter table read_model.plan_terms enable row level security;
alter table read_model.plan_terms force row level security;
create policy operator_reads on read_model.plan_terms as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.plan_terms as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.plan_terms as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.plan_terms to {{app}}, {{operator}};

create table read_model.plan_units (
  tenant_id uuid not null,
  unit_id uuid not null,
  scope_id uuid not null,
  command_id uuid not null,
  constraint plan_units_pkey PRIMARY KEY (tenant_id, unit_id)
);
alter table read_model.plan_units owner to {{projector}};
CREATE INDEX plan_units_scope_idx ON read_model.plan_units USING btree (tenant_id, scope_id, unit_id);
alter table read_model.plan_units enable row level security;
alter table read_model.plan_units force row level security;
create policy operator_reads on read_model.plan_units as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.plan_units as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.plan_units as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.plan_units to {{app}}, {{operator}};

create table read_model.projects (
  tenant_id uuid not null,
  project_id uuid not null,
  name text not null,
  description text not null,
  team_id uuid,
  archived boolean not null,
  version integer not null,
  constraint projects_pkey PRIMARY KEY (tenant_id, project_id)
);
alter table read_model.projects owner to {{projector}};
CREATE INDEX projects_archived_idx ON read_model.projects USING btree (tenant_id, archived, project_id);
CREATE INDEX projects_team_idx ON read_model.projects USING btree (tenant_id, team_id) WHERE (team_id IS NOT NULL);
alter table read_model.projects enable row level security;
alter table read_model.projects force row level security;
create policy operator_reads on read_model.projects as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.projects as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.projects as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.projects to {{app}}, {{operator}};

create table read_model.tasks (
  tenant_id uuid not null,
  task_id uuid not null,
  project_id uuid not null,
  title text not null,
  description text not null,
  status text not null,
  assignee_id uuid,
  assigned_version integer,
  assigned_position bigint,
  due_on date,
  version integer not null,
  constraint tasks_pkey PRIMARY KEY (tenant_id, task_id)
);
alter table read_model.tasks owner to {{projector}};
CREATE INDEX tasks_assignee_idx ON read_model.tasks USING btree (tenant_id, assignee_id) WHERE (assignee_id IS NOT NULL);
CREATE INDEX tasks_project_idx ON read_model.tasks USING btree (tenant_id, project_id, task_id, status, assignee_id, due_on);
alter table read_model.tasks enable row level security;
alter table read_model.tasks force row level security;
create policy operator_reads on read_model.tasks as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.tasks as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.tasks as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.tasks to {{app}}, {{operator}};

create table read_model.team_members (
  tenant_id uuid not null,
  team_id uuid not null,
  user_id uuid not null,
  constraint team_members_pkey PRIMARY KEY (tenant_id, team_id, user_id)
);
alter table read_model.team_members owner to {{projector}};
alter table read_model.team_members enable row level security;
alter table read_model.team_members force row level security;
create policy operator_reads on read_model.team_members as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.team_members as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.team_members as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.team_members to {{app}}, {{operator}};

create table read_model.teams (
  tenant_id uuid not null,
  team_id uuid not null,
  name text not null,
  version integer not null,
  constraint teams_pkey PRIMARY KEY (tenant_id, team_id)
);
alter table read_model.teams owner to {{projector}};
alter table read_model.teams enable row level security;
alter table read_model.teams force row level security;
create policy operator_reads on read_model.teams as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.teams as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.teams as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.teams to {{app}}, {{operator}};

create table read_model.tenants (
  tenant_id uuid not null,
  name text not null,
  slug text not null,
  plan text not null,
  lock text not null,
  lock_reason text,
  locked_since timestamp with time zone,
  version integer not null,
  constraint tenants_pkey PRIMARY KEY (tenant_id)
);
alter table read_model.tenants owner to {{projector}};
alter table read_model.tenants enable row level security;
alter table read_model.tenants force row level security;
create policy operator_reads on read_model.tenants as permissive for select to {{operator}}
  using (true);
create policy projector_writes on read_model.tenants as permissive for all to {{projector}}
  using (true)
  with check (true);
create policy tenant_reads on read_model.tenants as permissive for select to {{app}}
  using ((tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS "nullif")));
grant select on read_model.tenants to {{app}}, {{operator}};


-- ==== read_model_retired ====

-- Tables that a rebuild replaces. They are dropped in the same transaction, so other transactions never see them.
create schema read_model_retired authorization {{projector}};
