create schema billing;
comment on schema billing is
  'Money: which Stripe customer is which tenant, the events that Stripe sent, and the requests that were made to Stripe.';

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
  'Which tenant a Stripe customer is: by this table, never by what an object of Stripe says. `account` is empty for the
  installation''s own account. A tenant has one customer in each mode, until that is deleted.';
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
comment on table billing.inbox is 'Every event of Stripe, once. Kept as the text that was signed.';
comment on column billing.inbox.created_at is 'by Stripe''s clock';
comment on column billing.inbox.via is 'webhook: Stripe sent it; list: found in Stripe''s list of events';
comment on column billing.inbox.state is
  'pending: to be handled; ignored: needs nothing; quarantined: cannot be understood; parked: failed too often';
comment on column billing.inbox.failing_since is
  'since when the customer of the event cannot be found out, in lease time: after a day the event is parked';
create index inbox_pending_idx on billing.inbox (account, livemode, customer_id) where state = 'pending';
-- Events that do not name their customer.
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
  'Customers to process: at most one worker at each, however many events of the customer are in the inbox.';
comment on column billing.work.due_at is 'in lease time';
comment on column billing.work.failing_since is 'in lease time';
comment on column billing.work.asked is
  'requests since the work began: one that comes during the work asks for another pass';
comment on column billing.work.reconcile is 'requested by reconciliation and not by an event';
comment on column billing.work.leased_until is 'in lease time';
create index work_due_idx on billing.work (due_at);

create table billing.listed (
  account  text        not null,
  livemode boolean     not null,
  until    timestamptz not null,
  primary key (account, livemode)
);
comment on table billing.listed is 'How far Stripe''s list of events was read, by Stripe''s clock.';

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
  'Requests to Stripe, written before they are made, each with the key by which Stripe recognises a repeat.';
comment on column billing.calls.asked_at is 'in lease time';
comment on column billing.calls.due_at is 'in lease time';
comment on column billing.calls.number is 'the order of a tenant''s requests';
create index calls_due_idx on billing.calls (due_at) where state = 'pending';
create index calls_recent_idx on billing.calls (tenant_id, kind, asked_at);
create index calls_changes_idx on billing.calls (tenant_id, number) where kind = 'change';

create table billing.turns (
  tenant_id uuid        not null primary key,
  holder    uuid        not null,
  until     timestamptz not null
);
comment on table billing.turns is
  'Which process may change something at Stripe for a tenant. A checkout or a change reads what Stripe has and then
  requests what follows, so two at once would both be carried out. It is a lease, because no lock may be held during a
  request to Stripe; the lease of a killed process ends after a few seconds. A row is deleted when its lease is given
  back, and after a crash within the hour.';
comment on column billing.turns.until is 'in lease time';
