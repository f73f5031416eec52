-- Whose personal data an answer may hold that is kept for a repeated request: it goes when they are erased.
alter table idempotency.keys add column person_id uuid;

create function idempotency.settle(
  p_tenant_id uuid,
  p_key_id    uuid,
  p_attempt   integer,
  p_status    smallint,
  p_answer    bytea,
  p_person_id uuid
) returns void
language plpgsql volatile
as $$
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true), set_config('synchronous_commit', 'off', true);
  update idempotency.keys
  set status = p_status, answer = p_answer, person_id = p_person_id,
    leased_until = case when p_status is null then '-infinity' else leased_until end
  where tenant_id = p_tenant_id and key_id = p_key_id and attempt = p_attempt and status is null;
end
$$;

revoke all on function idempotency.settle(uuid, uuid, integer, smallint, bytea, uuid) from public;
grant execute on function idempotency.settle(uuid, uuid, integer, smallint, bytea, uuid) to {{app}};
