create schema erasing;
comment on schema erasing is
  'Erasures of closed tenants under way: kept outside the read models, so that an interrupted one is completed even where
  the event that closed the tenant is erased already.';

create table erasing.erasures (
  tenant_id  uuid        not null primary key,
  head       numeric(20) not null,
  begun_at   timestamptz not null default now(),
  deleted_at timestamptz,
  attempt    integer     not null default 0
);
comment on table erasing.erasures is 'One row for each erasure that is not complete.';
comment on column erasing.erasures.head is
  'position of the log''s last event when the erasure began or the events were deleted: the tenant has no event after it';
comment on column erasing.erasures.deleted_at is 'when the events were deleted: no append comes after it';
comment on column erasing.erasures.attempt is 'fencing token, raised by each worker that takes the erasure';

alter table erasing.erasures enable row level security;
alter table erasing.erasures force row level security;
create policy projector_works on erasing.erasures to {{projector}} using (true) with check (true);
create policy operator_reads on erasing.erasures for select to {{operator}} using (true);

grant usage on schema erasing to {{projector}}, {{operator}};
grant select, insert, delete, update (head, deleted_at, attempt) on erasing.erasures to {{projector}};
grant select on erasing.erasures to {{operator}};

create function erasing.erase_rows(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from identity.sessions where tenant_id = p_tenant_id;
  -- A repeat of the sign-up must not found the company again.
  delete from identity.sign_ups where tenant_id = p_tenant_id;
  delete from identity.persons p where p.state = 'pending' and exists (
    select from identity.joins j where j.person_id = p.id and j.tenant_id = p_tenant_id and j.completed_at is null);
  delete from identity.joins where tenant_id = p_tenant_id;
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
  delete from projecting.parked where lane = p_tenant_id and not outside;
  delete from projecting.skipped where lane = p_tenant_id;
  delete from reacting.parked where lane = p_tenant_id and not outside;
end $$;
comment on function erasing.erase_rows is
  'Deletes what is kept of a tenant beside its events and its read models. The users who were members stay: they may be
  members of other tenants.';

revoke all on function erasing.erase_rows from public;
grant execute on function erasing.erase_rows to {{projector}};
