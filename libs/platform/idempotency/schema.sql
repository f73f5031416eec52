-- Idempotency keys: which command a client's key was bound to, and what it was answered. Kept for 24 hours.
create schema idempotency;

create table idempotency.keys (
  tenant_id    uuid        not null,   -- the nil UUID: nobody was signed in
  key_id       uuid        not null,   -- a keyed hash of tenant, person or address, and the key: none of them can be read
  command_id   uuid        not null,
  request_hash bytea       not null,   -- of method, path and body
  attempt      integer     not null,   -- counts the claims; who was overtaken must not settle the key
  created_at   timestamptz not null,
  leased_until timestamptz not null,
  status       smallint,               -- null: no answer yet
  answer       bytea,                  -- encrypted by the process: answers hold tokens
  constraint keys_pkey primary key (tenant_id, key_id)
) with (fillfactor = 70);              -- the answer is written into a row that is there

create index keys_created_idx on idempotency.keys (created_at);

alter table idempotency.keys enable row level security;
alter table idempotency.keys force row level security;

create type idempotency.claim as (
  outcome    "char",   -- c(laimed), m(ismatch), b(usy), a(nswered)
  command_id uuid,
  attempt    integer,
  status     smallint,
  answer     bytea
);

-- Binds a key to a command, or tells what came of it. One round trip, durable when it answers: the command runs after.
-- A claim whose lease ran out is taken over with the command id that it had, so that what its holder may have written
-- before it died is recognised.
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
  at timestamptz := clock_timestamp();
  lease constant interval := make_interval(secs => p_lease_seconds);
  k idempotency.keys;
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true);
  loop
    insert into idempotency.keys (tenant_id, key_id, command_id, request_hash, attempt, created_at, leased_until)
    values (p_tenant_id, p_key_id, p_command_id, p_request_hash, 1, at, at + lease)
    on conflict do nothing;
    if found then
      return row('c', p_command_id, 1, null, null)::idempotency.claim;
    end if;
    select * into k from idempotency.keys where tenant_id = p_tenant_id and key_id = p_key_id for update;
    exit when found;   -- else it was purged in between
  end loop;
  at := clock_timestamp();   -- it may have waited for the row
  if k.created_at < at - interval '24 hours' then
    update idempotency.keys set command_id = p_command_id, request_hash = p_request_hash, attempt = k.attempt + 1,
      created_at = at, leased_until = at + lease, status = null, answer = null
    where tenant_id = p_tenant_id and key_id = p_key_id;
    return row('c', p_command_id, k.attempt + 1, null, null)::idempotency.claim;
  elsif k.request_hash <> p_request_hash then
    return row('m', null, null, null, null)::idempotency.claim;
  elsif k.status is not null then
    return row('a', null, null, k.status, k.answer)::idempotency.claim;
  elsif k.leased_until > at then
    return row('b', null, null, null, null)::idempotency.claim;
  end if;
  update idempotency.keys set attempt = k.attempt + 1, leased_until = at + lease
  where tenant_id = p_tenant_id and key_id = p_key_id;
  return row('c', k.command_id, k.attempt + 1, null, null)::idempotency.claim;
end
$$;

-- Keeps the answer, or with a null status gives the claim up so that the next request runs the command again. Without
-- waiting for the disk: an answer that is lost in a crash is made again from the same command id.
create function idempotency.settle(
  p_tenant_id uuid,
  p_key_id    uuid,
  p_attempt   integer,
  p_status    smallint,
  p_answer    bytea
) returns void
language plpgsql volatile
as $$
begin
  perform set_config('app.tenant_id', p_tenant_id::text, true), set_config('synchronous_commit', 'off', true);
  update idempotency.keys
  set status = p_status, answer = p_answer,
    leased_until = case when p_status is null then '-infinity' else leased_until end
  where tenant_id = p_tenant_id and key_id = p_key_id and attempt = p_attempt and status is null;
end
$$;

revoke all on function idempotency.claim, idempotency.settle from public;
grant usage on schema idempotency to {{app}};
grant select, insert, update on idempotency.keys to {{app}};
grant execute on function idempotency.claim, idempotency.settle to {{app}};
create policy tenant_owns on idempotency.keys to {{app}}
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
  with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- Keys of all tenants expire together, which no role of the application could do by itself.
create function idempotency.purge(p_limit integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  purged integer;
begin
  delete from idempotency.keys where ctid = any (array(
    select ctid from idempotency.keys where created_at < clock_timestamp() - interval '24 hours'
    order by created_at limit p_limit for update skip locked));
  get diagnostics purged = row_count;
  return purged;
end
$$;
revoke all on function idempotency.purge from public;
grant execute on function idempotency.purge to {{app}}, {{projector}};
grant usage on schema idempotency to {{projector}};
create policy owner_purges on idempotency.keys to current_user using (true);
