-- What people do with their own accounts: sessions and their end, password, profile, and the erasure of all of it.

-- erasing: nobody signs in any more, and nothing is lost yet. erased: the row is empty, and goes when no token of its
-- sessions can be good any more.
alter table identity.persons drop constraint persons_state_check;
alter table identity.persons add constraint persons_state_check
  check (state in ('pending', 'active', 'erasing', 'erased'));

alter table identity.sessions add column network bytea;   -- a keyed hash of where it was opened from
create index sessions_open_idx on identity.sessions (person_id, created_at desc, id desc) where ended_at is null;

-- Erasures under way: enough to complete one from any point at which it was cut off.
create table identity.erasures (
  person_id      uuid        not null primary key references identity.persons on delete cascade,
  command_id     uuid        not null,
  correlation_id text        not null,
  attempts       integer     not null default 1,
  attempted_at   timestamptz not null default now(),
  erased_at      timestamptz,  -- the personal data is gone
  checked_at     timestamptz   -- and was looked for once more, when whatever was under way then had come to its end
);
create index erasures_open_idx on identity.erasures (attempts, attempted_at) where checked_at is null;
create index erasures_checked_idx on identity.erasures (checked_at) where checked_at is not null;

alter table identity.erasures enable row level security;
alter table identity.erasures force row level security;
create policy owner_all on identity.erasures to current_user using (true) with check (true);

-- What a sign-in is checked against. Familiar: the person has a session that was opened from that network.
create function identity.find_credentials(p_email_key text, p_network bytea)
returns table (person_id uuid, password_hash text, last_tenant_id uuid, familiar boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.password_hash,
    (select s.tenant_id from identity.sessions s where s.person_id = p.id order by s.last_used_at desc limit 1),
    exists (select from identity.sessions s where s.person_id = p.id and s.network = p_network)
  from identity.persons p where p.email_key = p_email_key and p.state = 'active';
$$;

-- What somebody who is signed in is asked again for.
create function identity.find_password(p_person_id uuid) returns table (email_key text, password_hash text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.email_key, p.password_hash from identity.persons p
  where p.id = p_person_id and p.state in ('active', 'erasing');
$$;

-- Opens a session, or finds the one that the same command has opened: then its first refresh token, which nobody was
-- told, makes way for this one. False where the person is gone, or the session is somebody else's or has ended.
create function identity.open_session(
  p_session_id uuid, p_person_id uuid, p_tenant_id uuid, p_token_hash bytea, p_days integer, p_user_agent text,
  p_network bytea
) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Shared, so that an erasure waits for it and ends this session too, or is waited for.
  perform from identity.persons where id = p_person_id and state = 'active' for share;
  if not found then
    return false;
  end if;
  insert into identity.sessions (id, person_id, tenant_id, expires_at, user_agent, network)
  values (p_session_id, p_person_id, p_tenant_id, now() + make_interval(days => p_days), p_user_agent, p_network)
  on conflict (id) do nothing;
  if not found then
    perform from identity.sessions
      where id = p_session_id and person_id = p_person_id and tenant_id = p_tenant_id and ended_at is null for update;
    if not found then
      return false;
    end if;
    delete from identity.refresh_tokens where session_id = p_session_id and used_at is null;
  end if;
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
  return true;
end $$;

-- Whose refresh token it is, before it is traded for the next one.
create function identity.find_refresh_token(p_token_hash bytea) returns table (person_id uuid, tenant_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.person_id, s.tenant_id from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
  where t.token_hash = p_token_hash;
$$;

-- Ends a session of that person; false where it is none of theirs. One that had ended has ended.
create function identity.end_session(p_person_id uuid, p_session_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.sessions set ended_at = clock_timestamp(), end_reason = 'ended by its person'
  where id = p_session_id and person_id = p_person_id and ended_at is null;
  return found or exists (select from identity.sessions where id = p_session_id and person_id = p_person_id);
end $$;

-- Puts a new password in the place of the one that was checked, and ends every other session; answers with those. Null
-- where somebody else was faster.
create function identity.change_password(
  p_person_id uuid, p_old_hash text, p_new_hash text, p_kept_session_id uuid
) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended uuid[];
begin
  update identity.persons set password_hash = p_new_hash
  where id = p_person_id and password_hash = p_old_hash and state = 'active';
  if not found then
    return null;
  end if;
  with those as (
    update identity.sessions set ended_at = clock_timestamp(), end_reason = 'the password was changed'
    where person_id = p_person_id and id <> p_kept_session_id and ended_at is null returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  return ended;
end $$;

-- Changes what is not null.
create function identity.change_profile(p_person_id uuid, p_name text, p_email text, p_email_key text)
returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.persons set name = coalesce(p_name, name), email = coalesce(p_email, email),
    email_key = coalesce(p_email_key, email_key)
  where id = p_person_id and state = 'active';
  return case when found then 'changed' else 'gone' end;
exception when unique_violation then
  return 'taken';
end $$;

-- From here on nobody signs in. The same person again finds the erasure that is under way.
create function identity.begin_erasure(p_person_id uuid, p_command_id uuid, p_correlation_id text)
returns table (command_id uuid, correlation_id text, attempts integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.persons p set state = 'erasing' where p.id = p_person_id and p.state in ('active', 'erasing');
  if not found then
    return;
  end if;
  return query
    insert into identity.erasures as e (person_id, command_id, correlation_id)
    values (p_person_id, p_command_id, p_correlation_id)
    on conflict (person_id) do update set attempts = e.attempts + 1, attempted_at = now()
    returning e.command_id, e.correlation_id, e.attempts;
end $$;

-- A company would be left without an owner: everything is as before.
create function identity.cancel_erasure(p_person_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.erasures where person_id = p_person_id and erased_at is null;
  update identity.persons set state = 'active' where id = p_person_id and state = 'erasing';
$$;

-- Takes everything personal away; answers with the sessions that it ended. May be repeated: it takes what has come since.
create function identity.erase_person(p_person_id uuid) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended uuid[];
begin
  update identity.persons set state = 'erased', name = '', email = '', email_key = 'erased ' || id, password_hash = ''
  where id = p_person_id and state = 'erasing';
  -- Ended and not deleted: other processes learn from it that their access tokens are good no more.
  with those as (
    update identity.sessions set ended_at = coalesce(ended_at, clock_timestamp()), end_reason = 'the person was erased',
      user_agent = null, network = null
    where person_id = p_person_id returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  delete from identity.refresh_tokens where session_id = any (ended);
  delete from identity.sign_ups where person_id = p_person_id;
  -- Answers that are kept for repeated requests: of the companies that they had sessions in, and of nobody's.
  delete from idempotency.keys k where k.person_id = p_person_id and k.status is not null and k.tenant_id in (
    select s.tenant_id from identity.sessions s where s.person_id = p_person_id
    union all select '00000000-0000-0000-0000-000000000000'::uuid);
  update identity.erasures set erased_at = coalesce(erased_at, now()),
    checked_at = case when erased_at < now() - interval '60 seconds' then coalesce(checked_at, now()) else checked_at end
  where person_id = p_person_id;
  return ended;
end $$;

-- Erasures that were cut off, and those whose second look is due; each is given to one caller at a time.
create function identity.take_unfinished_erasures(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, command_id uuid, correlation_id text, attempts integer)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.erasures e set attempts = e.attempts + 1, attempted_at = now()
  where e.person_id in (
    select u.person_id from identity.erasures u
    where u.checked_at is null and u.attempted_at <= now() - make_interval(secs => p_older_seconds)
      and (u.erased_at is null or u.erased_at < now() - interval '60 seconds')
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning e.person_id, e.command_id, e.correlation_id, e.attempts;
$$;

-- Removes the empty rows of people who were erased so many hours ago: longer than any access token is good for.
create function identity.purge_erased(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.persons where state = 'erased' and id in (
    select person_id from identity.erasures where checked_at < now() - make_interval(hours => p_older_hours) limit 1000);
$$;

revoke all on all functions in schema identity from public;
grant execute on function identity.find_credentials(text, bytea), identity.find_password,
  identity.open_session(uuid, uuid, uuid, bytea, integer, text, bytea), identity.find_refresh_token,
  identity.end_session, identity.change_password, identity.change_profile, identity.begin_erasure,
  identity.cancel_erasure, identity.erase_person to {{app}};
grant execute on function identity.take_unfinished_erasures, identity.cancel_erasure, identity.erase_person,
  identity.purge_erased to {{projector}};
