-- Who people are: the personal data that events never hold, and what proves that somebody is who they say.
--
-- The application's role sees a person's own rows alone. What must be looked up before anybody is known (an address, a
-- refresh token) goes through functions that answer one question each.
create schema identity;

create table identity.persons (
  id            uuid        not null primary key,
  email         text        not null,        -- as it was written
  email_key     text        not null unique, -- what counts as the same address
  name          text        not null,
  password_hash text        not null,        -- argon2id, with its parameters
  state         text        not null default 'pending' check (state in ('pending', 'active')),
  created_at    timestamptz not null default now()
);

-- Sign-ups under way: enough to complete one from any point at which it was cut off. A completed one stays as long as its
-- idempotency key, so that a repeat whose first answer was lost finds it.
create table identity.sign_ups (
  person_id      uuid        not null primary key references identity.persons on delete cascade,
  tenant_id      uuid        not null,
  company_name   text        not null,
  slug           text        not null,
  command_id     uuid        not null,
  correlation_id text        not null,
  attempts       integer     not null default 0,
  attempted_at   timestamptz not null default now(),
  completed_at   timestamptz
);
create index sign_ups_open_idx on identity.sign_ups (attempted_at) where completed_at is null;

create table identity.sessions (
  id           uuid        not null primary key,
  person_id    uuid        not null references identity.persons on delete cascade,
  tenant_id    uuid        not null,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  ended_at     timestamptz,
  end_reason   text
);
create index sessions_person_idx on identity.sessions (person_id);

-- Each is good for one refresh. All of a session are one family: a used one that comes again ends it.
create table identity.refresh_tokens (
  token_hash bytea       not null primary key, -- SHA-256
  session_id uuid        not null references identity.sessions on delete cascade,
  issued_at  timestamptz not null default now(),
  used_at    timestamptz
);
create index refresh_tokens_session_idx on identity.refresh_tokens (session_id);

create table identity.signing_keys (
  kid         text        not null primary key,
  public_jwk  jsonb       not null,
  private_key bytea       not null,            -- PKCS #8, sealed under SECRET_KEY
  state       text        not null check (state in ('next', 'current', 'retired')),
  created_at  timestamptz not null default now(),
  retired_at  timestamptz
);
create unique index signing_keys_current_idx on identity.signing_keys (state) where state = 'current';

alter table identity.persons enable row level security;
alter table identity.persons force row level security;
alter table identity.sign_ups enable row level security;
alter table identity.sign_ups force row level security;
alter table identity.sessions enable row level security;
alter table identity.sessions force row level security;

-- The functions below run as the owner, whom FORCE binds too.
create policy owner_all on identity.persons to current_user using (true) with check (true);
create policy owner_all on identity.sign_ups to current_user using (true) with check (true);
create policy owner_all on identity.sessions to current_user using (true) with check (true);

create policy own_row on identity.persons for select to {{app}}
  using (id = (select nullif(current_setting('app.person_id', true), '')::uuid));
create policy own_rows on identity.sessions for select to {{app}}
  using (person_id = (select nullif(current_setting('app.person_id', true), '')::uuid));

grant usage on schema identity to {{app}}, {{projector}};
grant select (id, email, name, state, created_at) on identity.persons to {{app}};
grant select on identity.sessions to {{app}};
grant select, insert, update on identity.signing_keys to {{app}};

-- Claims an address for a sign-up, with all ids that it will use. The same command finds its own claim again.
create function identity.claim_sign_up(
  p_person_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid,
  p_company_name text, p_slug text, p_command_id uuid, p_correlation_id text
) returns table (outcome text, person_id uuid, tenant_id uuid, slug text, created_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into identity.persons (id, email, email_key, name, password_hash)
  values (p_person_id, p_email, p_email_key, p_name, p_password_hash)
  on conflict (email_key) do nothing;
  if found then
    insert into identity.sign_ups (person_id, tenant_id, company_name, slug, command_id, correlation_id)
    values (p_person_id, p_tenant_id, p_company_name, p_slug, p_command_id, p_correlation_id);
    return query select 'claimed', p_person_id, p_tenant_id, p_slug, now();
    return;
  end if;
  return query select 'resumed', s.person_id, s.tenant_id, s.slug, p.created_at
    from identity.sign_ups s join identity.persons p on p.id = s.person_id
    where p.email_key = p_email_key and s.command_id = p_command_id;
  if not found then
    return query select 'taken', null::uuid, null::uuid, null::text, null::timestamptz;
  end if;
end $$;

-- Everything is in the log: the person may sign in from now on.
create function identity.complete_sign_up(p_person_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with active as (update identity.persons set state = 'active' where id = p_person_id and state = 'pending')
  update identity.sign_ups set completed_at = now() where person_id = p_person_id and completed_at is null;
$$;

-- Sign-ups that were cut off, each given to one caller at a time.
create function identity.take_unfinished_sign_ups(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, tenant_id uuid, company_name text, slug text, command_id uuid, correlation_id text)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.sign_ups s set attempts = attempts + 1, attempted_at = now()
  where s.person_id in (
    select u.person_id from identity.sign_ups u
    where u.completed_at is null and u.attempted_at < now() - make_interval(secs => p_older_seconds)
    order by u.attempted_at limit p_limit for update skip locked)
  returning s.person_id, s.tenant_id, s.company_name, s.slug, s.command_id, s.correlation_id;
$$;

create function identity.purge_sign_ups(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.sign_ups where completed_at < now() - make_interval(hours => p_older_hours);
$$;

create function identity.find_credentials(p_email_key text)
returns table (person_id uuid, password_hash text, last_tenant_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.password_hash,
    (select s.tenant_id from identity.sessions s where s.person_id = p.id order by s.last_used_at desc limit 1)
  from identity.persons p where p.email_key = p_email_key and p.state = 'active';
$$;

create function identity.open_session(
  p_session_id uuid, p_person_id uuid, p_tenant_id uuid, p_token_hash bytea, p_days integer
) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into identity.sessions (id, person_id, tenant_id, expires_at)
  values (p_session_id, p_person_id, p_tenant_id, now() + make_interval(days => p_days));
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
$$;

-- Trades a refresh token for the next one. A token that was used already is theft, and ends the session, unless the
-- first use was within the grace: two tabs of one client that wake up together are no thieves.
create function identity.rotate_refresh_token(
  p_token_hash bytea, p_next_hash bytea, p_grace_seconds integer, p_days integer
) returns table (outcome text, session_id uuid, person_id uuid, tenant_id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  token   identity.refresh_tokens;
  session identity.sessions;
begin
  select t.* into token from identity.refresh_tokens t where t.token_hash = p_token_hash for update;
  if not found then
    return query select 'unknown', null::uuid, null::uuid, null::uuid;
    return;
  end if;
  select s.* into session from identity.sessions s where s.id = token.session_id for update;
  if session.ended_at is not null or session.expires_at <= now() then
    return query select 'ended', session.id, session.person_id, session.tenant_id;
    return;
  end if;
  -- clock_timestamp: now() is the time before this waited for the other one's lock.
  if token.used_at < clock_timestamp() - make_interval(secs => p_grace_seconds) then
    update identity.sessions s set ended_at = now(), end_reason = 'refresh token used twice' where s.id = session.id;
    return query select 'reused', session.id, session.person_id, session.tenant_id;
    return;
  end if;
  update identity.refresh_tokens t set used_at = coalesce(t.used_at, clock_timestamp()) where t.token_hash = p_token_hash;
  insert into identity.refresh_tokens (token_hash, session_id) values (p_next_hash, session.id);
  update identity.sessions s set last_used_at = now(), expires_at = now() + make_interval(days => p_days)
    where s.id = session.id;
  return query select 'rotated', session.id, session.person_id, session.tenant_id;
end $$;

revoke all on all functions in schema identity from public;
grant execute on function identity.claim_sign_up, identity.complete_sign_up, identity.find_credentials,
  identity.open_session, identity.rotate_refresh_token to {{app}};
grant execute on function identity.take_unfinished_sign_ups, identity.complete_sign_up, identity.purge_sign_ups
  to {{projector}};
