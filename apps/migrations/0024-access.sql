create schema access;
comment on schema access is
  'Access records: which credential sent the commands, and from where. Events name a record by its id, so that no event
  contains an address or a user agent.';

create table access.records (
  id            uuid        not null primary key,
  kind          text        not null check (kind in ('session', 'password', 'api-key', 'operator-token', 'stripe', 'system')),
  credential_id uuid,
  user_id       uuid,
  address       text,
  user_agent    text,
  first_seen    timestamptz not null default now(),
  last_seen     timestamptz not null default now(),
  erased_at     timestamptz,
  check (erased_at is null or (address is null and user_agent is null))
);
comment on table access.records is
  'One row for each credential, address and user agent. Rows are never deleted, because events name them.';
comment on column access.records.credential_id is
  'the session, API key or operator token, or the user whose password was wrong; null for kinds without a credential';
comment on column access.records.user_id is 'the user of the credential; null if it belongs to no user';
comment on column access.records.address is 'the IP address of the client';
comment on column access.records.last_seen is 'moved at most once a minute by each process';
comment on column access.records.erased_at is
  'when address and user agent were erased: with the user, or after the time of retention';

create unique index records_key on access.records (kind, credential_id, address, user_agent) nulls not distinct
  where erased_at is null;
create index records_user_idx on access.records (user_id) where user_id is not null;
create index records_credential_idx on access.records (credential_id, last_seen desc) where credential_id is not null;
create index records_kept_idx on access.records (last_seen) where erased_at is null;

alter table access.records enable row level security;
alter table access.records force row level security;
create policy owner_all on access.records to current_user using (true) with check (true);
create policy own_rows on access.records for select to {{app}}
  using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));

grant usage on schema access to {{app}}, {{projector}}, {{operator}};
grant select on access.records to {{app}};

create function access.find_or_create(p_access jsonb, p_user_id uuid) returns uuid
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into access.records as r (id, kind, credential_id, user_id, address, user_agent)
  select (p_access ->> 'id')::uuid, p_access ->> 'kind', (p_access ->> 'credentialId')::uuid, p_user_id,
    p_access ->> 'address', p_access ->> 'userAgent'
  where p_access is not null
  on conflict (kind, credential_id, address, user_agent) where erased_at is null
  do update set last_seen = greatest(r.last_seen, now()), user_id = coalesce(r.user_id, excluded.user_id)
  returning r.id;
$$;
comment on function access.find_or_create is
  'The id of the record of an access. p_access has the fields id (for a new record), kind, credentialId, address and
  userAgent. Null: p_access is null.';

create function access.last_client(p_credential_id uuid) returns table (address text, user_agent text)
language sql stable as $$
  select r.address, r.user_agent from access.records r
  where r.credential_id = p_credential_id order by r.last_seen desc limit 1;
$$;
comment on function access.last_client is
  'From where a credential was used last. It runs with the rights of its caller, who sees only their own records.';

create function access.erase_user(p_user_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  update access.records set address = null, user_agent = null, erased_at = now()
  where user_id = p_user_id and erased_at is null;
$$;
comment on function access.erase_user is 'Erases the addresses and user agents of a user.';

create function access.erase_unused(p_days integer, p_limit integer, p_now timestamptz) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with old as (
    update access.records set address = null, user_agent = null, erased_at = now()
    where id in (
      select id from access.records
      where erased_at is null and (address is not null or user_agent is not null)
        and last_seen < least(now(), p_now) - make_interval(days => p_days)
      order by last_seen limit p_limit for update skip locked)
    returning 1)
  select count(*)::integer from old;
$$;
comment on function access.erase_unused is
  'Erases the addresses and user agents of at most p_limit records that were last used more than p_days days ago. Returns
  their number. p_now is the time of the caller: the earlier of the two clocks counts, so that a clock that is ahead
  erases nothing.';

revoke all on function access.find_or_create, access.last_client, access.erase_user, access.erase_unused from public;
grant execute on function access.find_or_create to {{app}}, {{projector}}, {{operator}};
grant execute on function access.last_client to {{app}};
grant execute on function access.erase_unused to {{projector}};
