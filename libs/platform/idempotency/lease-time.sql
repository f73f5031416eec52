-- A claim ends by lease time, so that a clock that jumped neither keeps a dead request's claim nor ends a living one's. How
-- long keys are kept is still the wall clock's.
create or replace function idempotency.claim(
  p_tenant_id     uuid,
  p_key_id        uuid,
  p_command_id    uuid,
  p_request_hash  bytea,
  p_lease_seconds integer
) returns idempotency.claim
language plpgsql volatile
as $$
declare
  at timestamptz := clock_timestamp();
  until timestamptz := lease.now() + make_interval(secs => p_lease_seconds);
  k idempotency.keys;
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true);
  loop
    insert into idempotency.keys (tenant_id, key_id, command_id, request_hash, attempt, created_at, leased_until)
    values (p_tenant_id, p_key_id, p_command_id, p_request_hash, 1, at, until)
    on conflict do nothing;
    if found then
      return row('c', p_command_id, 1, null, null)::idempotency.claim;
    end if;
    select * into k from idempotency.keys where tenant_id = p_tenant_id and key_id = p_key_id for update;
    exit when found;   -- else it was purged in between
  end loop;
  at := clock_timestamp();   -- it may have waited for the row
  until := lease.now() + make_interval(secs => p_lease_seconds);
  if k.created_at < at - interval '24 hours' then
    update idempotency.keys set command_id = p_command_id, request_hash = p_request_hash, attempt = k.attempt + 1,
      created_at = at, leased_until = until, status = null, answer = null
    where tenant_id = p_tenant_id and key_id = p_key_id;
    return row('c', p_command_id, k.attempt + 1, null, null)::idempotency.claim;
  elsif k.request_hash <> p_request_hash then
    return row('m', null, null, null, null)::idempotency.claim;
  elsif k.status is not null then
    return row('a', null, null, k.status, k.answer)::idempotency.claim;
  elsif k.leased_until > lease.now() then
    return row('b', null, null, null, null)::idempotency.claim;
  end if;
  update idempotency.keys set attempt = k.attempt + 1, leased_until = until
  where tenant_id = p_tenant_id and key_id = p_key_id;
  return row('c', k.command_id, k.attempt + 1, null, null)::idempotency.claim;
end
$$;
