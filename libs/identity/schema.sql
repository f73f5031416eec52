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
create index sign_ups_open_idx on identity.sign_ups (attempts, attempted_at) where completed_at is null;
create index sign_ups_completed_idx on identity.sign_ups (completed_at) where completed_at is not null;

create table identity.sessions (
  id           uuid        not null primary key,
  person_id    uuid        not null references identity.persons on delete cascade,
  tenant_id    uuid        not null,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  ended_at     timestamptz,
  end_reason   text,
  user_agent   text                          -- what the client called itself, for the list of one's sessions
);
create index sessions_person_idx on identity.sessions (person_id);
create index sessions_expires_idx on identity.sessions (expires_at);
create index sessions_ended_idx on identity.sessions (ended_at) where ended_at is not null;

-- Each is good for one refresh. All of a session are one family: a used one that comes again ends it. The next token is
-- made of the one before and a salt that is kept here, so that whoever holds the one before can be told the next again,
-- and nobody can who reads this table.
create table identity.refresh_tokens (
  token_hash  bytea       not null primary key, -- SHA-256
  session_id  uuid        not null references identity.sessions on delete cascade,
  issued_at   timestamptz not null default now(),
  used_at     timestamptz,
  next_salt   bytea,
  replaced_by bytea,                           -- the hash of the next one
  check (num_nulls(used_at, next_salt, replaced_by) in (0, 3))
);
create index refresh_tokens_session_idx on identity.refresh_tokens (session_id, used_at);

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

grant usage on schema identity to {{app}}, {{projector}}, {{operator}};
grant select (id, email, name, state, created_at) on identity.persons to {{app}};
grant select on identity.sessions to {{app}};
-- Processes read the keys, and make the first ones; operators put the next one in place.
grant select, insert on identity.signing_keys to {{app}};
grant select, insert, delete, update (state, retired_at) on identity.signing_keys to {{operator}};

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

-- Sign-ups that were cut off, each given to one caller at a time. What failed often comes last: it keeps nobody waiting.
create function identity.take_unfinished_sign_ups(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, tenant_id uuid, company_name text, slug text, command_id uuid, correlation_id text)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.sign_ups s set attempts = attempts + 1, attempted_at = now()
  where s.person_id in (
    select u.person_id from identity.sign_ups u
    where u.completed_at is null and u.attempted_at <= now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning s.person_id, s.tenant_id, s.company_name, s.slug, s.command_id, s.correlation_id;
$$;

-- Forgets sign-ups that were completed so many hours ago, and sessions that ran out before that.
create function identity.purge(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.sign_ups where completed_at < now() - make_interval(hours => p_older_hours);
  delete from identity.sessions where id in (
    select id from identity.sessions where expires_at < now() - make_interval(hours => p_older_hours) limit 1000);
$$;

create function identity.find_credentials(p_email_key text)
returns table (person_id uuid, password_hash text, last_tenant_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.password_hash,
    (select s.tenant_id from identity.sessions s where s.person_id = p.id order by s.last_used_at desc limit 1)
  from identity.persons p where p.email_key = p_email_key and p.state = 'active';
$$;

create function identity.open_session(
  p_session_id uuid, p_person_id uuid, p_tenant_id uuid, p_token_hash bytea, p_days integer, p_user_agent text
) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into identity.sessions (id, person_id, tenant_id, expires_at, user_agent)
  values (p_session_id, p_person_id, p_tenant_id, now() + make_interval(days => p_days), p_user_agent);
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
$$;

-- Trades a refresh token for the next one. A token that was used already is theft, and ends the session, unless the
-- first use was within the grace: two tabs of one client that wake up together are no thieves, nor is a client that lost
-- the answer. Those are told the same next token, so that a family never forks: a thief who is as quick holds the token
-- that its owner holds, and the second of them to use it gives the theft away.
create function identity.rotate_refresh_token(
  p_token_hash bytea, p_salt bytea, p_next_hash bytea, p_grace_seconds integer, p_days integer
) returns table (outcome text, salt bytea, next_used boolean, session_id uuid, person_id uuid, tenant_id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  session identity.sessions;
  token   identity.refresh_tokens;
  at      timestamptz;
begin
  -- One refresh of a session at a time. The token is read in a statement of its own, which sees what the one before did.
  select s.* into session from identity.sessions s
    where s.id = (select t.session_id from identity.refresh_tokens t where t.token_hash = p_token_hash) for update;
  if not found then
    return query select 'unknown', null::bytea, false, null::uuid, null::uuid, null::uuid;
    return;
  end if;
  select t.* into token from identity.refresh_tokens t where t.token_hash = p_token_hash;
  at := clock_timestamp();   -- now() is from before it waited
  if session.ended_at is not null or session.expires_at <= at then
    return query select 'ended', null::bytea, false, session.id, session.person_id, session.tenant_id;
  elsif token.used_at is null then
    insert into identity.refresh_tokens (token_hash, session_id) values (p_next_hash, session.id);
    update identity.refresh_tokens t set used_at = at, next_salt = p_salt, replaced_by = p_next_hash
      where t.token_hash = p_token_hash;
    -- Used ones are remembered as long as an unused one is good for.
    delete from identity.refresh_tokens t
      where t.session_id = session.id and t.used_at < at - make_interval(days => p_days);
    update identity.sessions s set last_used_at = at, expires_at = at + make_interval(days => p_days)
      where s.id = session.id;
    return query select 'rotated', p_salt, false, session.id, session.person_id, session.tenant_id;
  elsif token.used_at >= at - make_interval(secs => p_grace_seconds) then
    return query select 'rotated', token.next_salt, n.used_at is not null, session.id, session.person_id, session.tenant_id
      from identity.refresh_tokens n where n.token_hash = token.replaced_by;
  else
    update identity.sessions s set ended_at = at, end_reason = 'refresh token used twice' where s.id = session.id;
    return query select 'reused', null::bytea, false, session.id, session.person_id, session.tenant_id;
  end if;
end $$;

-- Which sessions were ended within so many seconds: their access tokens would be good for some minutes more.
create function identity.ended_sessions(p_within_seconds integer) returns table (session_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id from identity.sessions s where s.ended_at > now() - make_interval(secs => p_within_seconds);
$$;

revoke all on all functions in schema identity from public;
grant execute on function identity.claim_sign_up, identity.complete_sign_up, identity.find_credentials,
  identity.open_session, identity.rotate_refresh_token, identity.ended_sessions to {{app}};
grant execute on function identity.take_unfinished_sign_ups, identity.complete_sign_up, identity.purge to {{projector}};
