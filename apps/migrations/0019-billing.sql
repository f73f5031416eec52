create schema billing;
comment on schema billing is
  'Billing: the tenant of each Stripe customer, the events from Stripe (inbox), and the requests to Stripe (outbox).';

create table billing.customers (
  account     text        not null,
  livemode    boolean     not null,
  customer_id text        not null,
  tenant_id   uuid        not null,
  created_at  timestamptz not null default now(),
  deleted_at  timestamptz,
  primary key (account, livemode, customer_id)
);
comment on table billing.customers is
  'The tenant of each Stripe customer. Only this table decides it, never the data of an object at Stripe. `account` is
  empty for the installation''s own account. A tenant has one customer in each mode, until that customer is deleted.';
create unique index customers_tenant_idx on billing.customers (tenant_id, account, livemode) where deleted_at is null;

create table billing.inbox (
  account     text        not null,
  livemode    boolean     not null,
  event_id    text        not null,
  type        text        not null,
  customer_id text,
  created_at  timestamptz not null,
  received_at timestamptz not null default now(),
  payload     text        not null,
  via         text        not null check (via in ('webhook', 'list')),
  state       text        not null check (state in ('pending', 'handled', 'ignored', 'quarantined', 'parked', 'skipped')),
  reason      text,
  handled_at  timestamptz,
  failing_since timestamptz,
  primary key (account, livemode, event_id)
);
comment on table billing.inbox is 'The inbox: every event of Stripe once, as the text that Stripe has signed.';
comment on column billing.inbox.created_at is 'by Stripe''s clock';
comment on column billing.inbox.via is
  'webhook: Stripe sent it to the webhook; list: it was found in Stripe''s list of events';
comment on column billing.inbox.state is
  'pending: waits for processing; handled: processed; ignored: requires no processing; quarantined: cannot be understood
  or assigned; parked: failed too often; skipped: by an operator';
comment on column billing.inbox.failing_since is
  'when the search for the customer of the event failed for the first time, in lease time; after a day the event is
  parked';
create index inbox_pending_idx on billing.inbox (account, livemode, customer_id) where state = 'pending';
-- For events that do not contain their customer.
create index inbox_nameless_idx on billing.inbox (received_at) where state = 'pending' and customer_id is null;
create index inbox_state_idx on billing.inbox (state, received_at);
create index inbox_created_idx on billing.inbox (livemode, created_at);

create table billing.work (
  account      text        not null,
  livemode     boolean     not null,
  customer_id  text        not null,
  due_at       timestamptz not null default lease.now(),
  attempts     integer     not null default 0,
  failing_since timestamptz,
  asked        integer     not null default 0,
  reconcile    boolean     not null default false,
  lease        uuid,
  leased_until timestamptz,
  primary key (account, livemode, customer_id)
);
comment on table billing.work is
  'Customers to process: one row for each customer, however many of its events are in the inbox. One worker at a time
  processes a customer, under a lease.';
comment on column billing.work.due_at is 'in lease time';
comment on column billing.work.failing_since is 'in lease time';
comment on column billing.work.asked is
  'number of requests: if it has changed when the work ends, the customer is processed once more';
comment on column billing.work.reconcile is 'true: requested by a reconciliation, not by an event';
comment on column billing.work.leased_until is 'in lease time';
create index work_due_idx on billing.work (due_at);

create table billing.listed (
  account  text        not null,
  livemode boolean     not null,
  until    timestamptz not null,
  primary key (account, livemode)
);
comment on table billing.listed is 'The time, by Stripe''s clock, up to which Stripe''s list of events was read.';

create table billing.calls (
  tenant_id       uuid        not null,
  call_id         uuid        not null,
  kind            text        not null check (kind in ('customer', 'checkout', 'portal', 'change')),
  idempotency_key text        not null,
  params          jsonb       not null,
  state           text        not null default 'pending' check (state in ('pending', 'done', 'failed')),
  result          jsonb,
  attempts        integer     not null default 0,
  asked_at        timestamptz not null default lease.now(),
  due_at          timestamptz not null default lease.now(),
  number          bigint generated always as identity,
  primary key (tenant_id, call_id)
);
comment on table billing.calls is
  'The outbox: requests to Stripe. Each is stored before it is sent, with the idempotency key by which Stripe recognises
  a repeat.';
comment on column billing.calls.asked_at is 'in lease time';
comment on column billing.calls.due_at is 'in lease time';
comment on column billing.calls.number is 'orders the requests of a tenant';
create index calls_due_idx on billing.calls (due_at) where state = 'pending';
create index calls_recent_idx on billing.calls (tenant_id, kind, asked_at);
create index calls_changes_idx on billing.calls (tenant_id, number) where kind = 'change';

create table billing.turns (
  tenant_id uuid        not null primary key,
  holder    uuid        not null,
  until     timestamptz not null
);
comment on table billing.turns is
  'Leases of tenants for changes at Stripe. A checkout or a change reads the subscription at Stripe and then sends a
  request that depends on it, so two at the same time could both be executed. It is a lease, because no lock may be held
  during a request to Stripe; the lease of a killed process ends after a few seconds. A row is deleted when its lease is
  released, and after a crash within an hour.';
comment on column billing.turns.until is 'in lease time';
