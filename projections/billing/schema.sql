-- One row for each tenant: its subscription, payments and lock.
create table billing (
  tenant_id       uuid    not null,
  plan            text    not null,
  plan_version    integer not null,  -- of the catalogue
  grace_days      integer not null,
  seats           integer,           -- bought seats, if the plan sells seats one by one
  subscription_id text,
  status          text,
  period_end      timestamptz,
  trial_end       timestamptz,
  cancel_at       timestamptz,
  failing_since   timestamptz,
  lock            text    not null,  -- none, locked, suspended
  lock_reason     text,
  locked_since    timestamptz,
  suspend_at      timestamptz
);

create table invoices (
  tenant_id       uuid        not null,
  invoice_id      text        not null,
  number          text,
  status          text        not null,  -- open (a payment failed), paid, void, uncollectible
  amount          bigint      not null,  -- sum of all lines, in the smallest unit of the currency; a credit is below 0
  amount_due      bigint      not null,  -- the part that had to be paid after credits
  amount_paid     bigint      not null,
  currency        text        not null,
  created_at      timestamptz not null,
  url             text,
  attempts        integer     not null,
  next_attempt_at timestamptz
);

-- Every billing event in its order. It explains how the present plan and lock were decided.
create table billing_history (
  tenant_id      uuid        not null,
  position       bigint      not null,
  type           text        not null,
  recorded_at    timestamptz not null,
  actor          text        not null,
  correlation_id text        not null,  -- the id of the Stripe event, if there was one
  data           jsonb       not null
);

-- after load
alter table billing add primary key (tenant_id);
alter table invoices add primary key (tenant_id, invoice_id);
alter table billing_history add primary key (tenant_id, position);
-- Tenants with a missing payment, for the job that locks and suspends.
create index billing_failing_idx on billing (failing_since) where failing_since is not null;
create index invoices_created_idx on invoices (tenant_id, created_at, invoice_id);

-- before reading
alter table billing enable row level security;
alter table billing force row level security;
create policy projector_writes on billing to {{projector}} using (true) with check (true);
create policy operator_reads on billing for select to {{operator}} using (true);
create policy tenant_reads on billing for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table invoices enable row level security;
alter table invoices force row level security;
create policy projector_writes on invoices to {{projector}} using (true) with check (true);
create policy operator_reads on invoices for select to {{operator}} using (true);
create policy tenant_reads on invoices for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
alter table billing_history enable row level security;
alter table billing_history force row level security;
create policy projector_writes on billing_history to {{projector}} using (true) with check (true);
create policy operator_reads on billing_history for select to {{operator}} using (true);
create policy tenant_reads on billing_history for select to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
