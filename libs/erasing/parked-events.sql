-- Parked and skipped events go with their tenant: the text of an error may quote one of its values.
-- A lane is a tenant, or a user's stream outside tenants; ids are never both.
create or replace function erasing.erase_rows(p_tenant_id uuid) returns void
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
