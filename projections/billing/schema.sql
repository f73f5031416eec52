-- One row a tenant: how it stands with its payments.
create table billing (
  tenant_id       uuid    not null,
  plan            text    not null,
  plan_version    integer not null,  -- of the catalogue
  grace_days      integer not null,
  seats           integer,           -- that were bought, where the plan sells them one by one
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
  amount          bigint      not null,  -- minor units, of all lines; below 0: a credit
  amount_due      bigint      not null,  -- what of it there was to pay, after credits
  amount_paid     bigint      not null,
  currency        text        not null,
  created_at      timestamptz not null,
  url             text,
  attempts        integer     not null,
  next_attempt_at timestamptz
);

-- Every fact of money in its order: how the present plan and lock came to be.
create table billing_history (
  tenant_id      uuid        not null,
  position       bigint      not null,
  type           text        not null,
  recorded_at    timestamptz not null,
  actor          text        not null,
  correlation_id text        not null,  -- Stripe's event, where it was one
  data           jsonb       not null
);

-- after load
alter table billing add primary key (tenant_id);
alter table invoices add primary key (tenant_id, invoice_id);
alter table billing_history add primary key (tenant_id, position);
-- Those who owe, for the clock that locks and suspends.
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
