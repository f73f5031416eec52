create schema idempotency;
comment on schema idempotency is
  'Idempotency keys of clients, each with its command and its answer. They are kept for 24 hours.';

create table idempotency.keys (
  tenant_id    uuid        not null,
  key_id       uuid        not null,
  command_id   uuid        not null,
  request_hash bytea       not null,
  attempt      integer     not null,
  created_at   timestamptz not null,
  leased_until timestamptz not null,
  status       smallint,
  answer       bytea,
  user_id      uuid,
  token_hash   bytea,
  constraint keys_pkey primary key (tenant_id, key_id)
) with (fillfactor = 70);
comment on table idempotency.keys is 'One row for each key of a client.';
comment on column idempotency.keys.tenant_id is 'the nil UUID for a request without a signed-in user';
comment on column idempotency.keys.key_id is
  'a keyed hash of tenant, user or address, and the key; none of them can be derived from it';
comment on column idempotency.keys.request_hash is 'hash of method, path, preconditions and body';
comment on column idempotency.keys.attempt is
  'fencing token: the number of claims, so that a request that has lost its claim cannot settle the key';
comment on column idempotency.keys.created_at is
  'in lease time: with a wall clock that was wrong, keys could be deleted too early, and a repeated request could take
  effect twice';
comment on column idempotency.keys.leased_until is 'in lease time';
comment on column idempotency.keys.status is 'null: no answer yet';
comment on column idempotency.keys.answer is 'encrypted by the process, because answers may contain tokens';
comment on column idempotency.keys.user_id is
  'the user whose personal data the answer may contain: the erasure of the user deletes the row';
comment on column idempotency.keys.token_hash is
  'SHA-256 of the refresh token in the answer, which is not replayed when that token is no longer valid; null: none';
create index keys_created_idx on idempotency.keys (created_at);

create type idempotency.claim as (
  outcome    "char",
  command_id uuid,
  attempt    integer,
  status     smallint,
  answer     bytea,
  token_hash bytea
);
comment on type idempotency.claim is 'The answer to a claim.';
comment on column idempotency.claim.outcome is 'c(laimed), m(ismatch), b(usy), a(nswered)';

alter table idempotency.keys enable row level security;
alter table idempotency.keys force row level security;

grant usage on schema idempotency to {{app}}, {{projector}};
grant select, insert, update on idempotency.keys to {{app}};
create policy tenant_owns on idempotency.keys to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner_purges on idempotency.keys to current_user using (true);

create function idempotency.claim(
  p_tenant_id     uuid,
  p_key_id        uuid,
  p_command_id    uuid,
  p_request_hash  bytea,
  p_lease_seconds integer
) returns idempotency.claim
language plpgsql volatile
as $$
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
$$;
comment on function idempotency.claim is
  'Binds a key to a command, or returns the answer that the key has. The claim is durable when the transaction ends,
  before the command runs. A claim whose lease has ended is taken over with its command id, so that the log recognises
  what the first request may have written. Claims expire by lease time, and keys are kept for 24 hours of it.';

create function idempotency.settle(
  p_tenant_id uuid,
  p_key_id    uuid,
  p_attempt   integer,
  p_status    smallint,
  p_answer    bytea,
  p_user_id   uuid,
  p_token_hash bytea
) returns void
language plpgsql volatile
as $$
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true), set_config('synchronous_commit', 'off', true);
  update idempotency.keys
  set status = p_status, answer = p_answer, user_id = p_user_id, token_hash = p_token_hash,
    leased_until = case when p_status is null then '-infinity' else leased_until end
  where tenant_id = p_tenant_id and key_id = p_key_id and attempt = p_attempt and status is null;
end
$$;
comment on function idempotency.settle is
  'Stores the answer. With a null status, it releases the claim, so that the next request runs the command again. It
  does not wait for the disk: if an answer is lost in a crash, the next request runs the command again with the same
  command id.';

create function idempotency.discard(p_tenant_id uuid, p_key_id uuid, p_attempt integer) returns void
language plpgsql volatile
as $$
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true);
  update idempotency.keys
  set status = null, answer = null, user_id = null, token_hash = null, leased_until = '-infinity'
  where tenant_id = p_tenant_id and key_id = p_key_id and attempt = p_attempt and status is not null;
end
$$;
comment on function idempotency.discard is
  'Deletes the answer of a key, and keeps its command: the next request runs the command again under the same id.';

create function idempotency.purge(p_limit integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  purged integer;
begin
  delete from idempotency.keys where ctid = any (array(
    select ctid from idempotency.keys where created_at < lease.now() - interval '24 hours'
    order by created_at limit p_limit for update skip locked));
  get diagnostics purged = row_count;
  return purged;
end
$$;
comment on function idempotency.purge is
  'Deletes at most p_limit keys that are older than 24 hours of lease time, of all tenants, and returns their number. Row-level
  security allows no role of the product to do that directly.';

revoke all on function idempotency.claim, idempotency.settle, idempotency.discard, idempotency.purge from public;
grant execute on function idempotency.claim, idempotency.settle, idempotency.discard to {{app}};
grant execute on function idempotency.purge to {{app}}, {{projector}};
