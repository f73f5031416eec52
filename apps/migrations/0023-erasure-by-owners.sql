-- The erasure of tenants and users. Each schema has a function that deletes its rows, and erasing.erase_rows calls all
-- of them. Only the owner may call the functions of the schemas.

create function identity.erase_tenant(p_tenant_id uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  delete from identity.sessions where tenant_id = p_tenant_id;
  -- So that a repeat of the sign-up does not create the tenant again.
  delete from identity.sign_ups where tenant_id = p_tenant_id;
  delete from identity.users p where p.state = 'pending' and exists (
    select from identity.joins j where j.user_id = p.id and j.tenant_id = p_tenant_id and j.completed_at is null);
  delete from identity.joins where tenant_id = p_tenant_id;
  delete from identity.pending_memberships where tenant_id = p_tenant_id;
  delete from identity.facts where tenant_id = p_tenant_id;
end $$;
comment on function identity.erase_tenant is
  'Deletes the sessions, sign-ups, joins, pending memberships and facts of a tenant, and the pending users of its open
  joins.';

create function idempotency.erase_tenant(p_tenant_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from idempotency.keys where tenant_id = p_tenant_id;
$$;
comment on function idempotency.erase_tenant is 'Deletes the idempotency keys of a tenant, with their answers.';

create function idempotency.erase_user(p_user_id uuid, p_tenant_ids uuid[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from idempotency.keys k where k.user_id = p_user_id and k.status is not null
    and k.tenant_id = any (p_tenant_ids || '00000000-0000-0000-0000-000000000000'::uuid);
  update idempotency.keys
  set status = null, answer = null, user_id = null, token_hash = null, leased_until = '-infinity'
  where tenant_id = any (p_tenant_ids) and status is not null;
$$;
comment on function idempotency.erase_user is
  'Deletes the keys of a user with an answer, in these tenants and outside of all tenants. Deletes the answers to all other
  users of these tenants, which may show the user; their keys keep their commands.';

create function event_log.erase_snapshots(p_tenant_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from event_log.snapshots where tenant_id = p_tenant_id;
$$;
comment on function event_log.erase_snapshots is
  'Deletes the snapshots of a tenant. They are in this database even if the events are in EventStoreDB.';

create function plans.erase_tenant(p_tenant_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from plans.reservations where tenant_id = p_tenant_id;
  delete from plans.api_calls where tenant_id = p_tenant_id;
$$;
comment on function plans.erase_tenant is 'Deletes the reservations and counted calls of a tenant.';

create function billing.erase_tenant(p_tenant_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from billing.inbox i using billing.customers c
    where c.tenant_id = p_tenant_id and (i.account, i.livemode, i.customer_id) = (c.account, c.livemode, c.customer_id);
  delete from billing.work w using billing.customers c
    where c.tenant_id = p_tenant_id and (w.account, w.livemode, w.customer_id) = (c.account, c.livemode, c.customer_id);
  delete from billing.calls where tenant_id = p_tenant_id;
  delete from billing.customers where tenant_id = p_tenant_id;
$$;
comment on function billing.erase_tenant is
  'Deletes the customers of a tenant, with their events, work and requests. The data at Stripe is not changed.';

create function projecting.erase_tenant(p_tenant_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from projecting.parked where partition = p_tenant_id and not outside;
  -- A partition is a tenant, or the stream of a user outside of all tenants. No id is the id of both.
  delete from projecting.skipped where partition = p_tenant_id;
$$;
comment on function projecting.erase_tenant is
  'Deletes the parked and skipped events of a tenant, because the text of an error may contain values of the tenant.';

create function reacting.erase_tenant(p_tenant_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  delete from reacting.parked where partition = p_tenant_id and not outside;
$$;
comment on function reacting.erase_tenant is 'Deletes the parked events of a tenant.';

create or replace function erasing.erase_rows(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
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
end $$;
comment on function erasing.erase_rows is
  'Deletes all data of a tenant except its events and its rows in read models. Its users are kept, because they may be
  members of other tenants.';

create or replace function identity.erase_user(p_user_id uuid) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
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
end $$;
comment on function identity.erase_user is
  'Removes all personal data of a user, and returns the sessions that it has ended. A repeat removes data that was
  written since.';

revoke all on function identity.erase_tenant, idempotency.erase_tenant, idempotency.erase_user,
  event_log.erase_snapshots, plans.erase_tenant, billing.erase_tenant, projecting.erase_tenant, reacting.erase_tenant,
  erasing.erase_rows, identity.erase_user from public;
grant execute on function erasing.erase_rows to {{projector}};
grant execute on function identity.erase_user to {{app}}, {{projector}};
