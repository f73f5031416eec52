-- Sign-in, sessions and refresh tokens.

create function identity.find_credentials(p_email_key text, p_network bytea)
returns table (user_id uuid, password_hash text, last_tenant_id uuid, familiar boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.password_hash,
    (select s.tenant_id from identity.sessions s where s.user_id = p.id and s.tenant_id is not null
     order by s.last_used_at desc limit 1),
    exists (select from identity.sessions s where s.user_id = p.id and s.network = p_network)
  from identity.users p where p.email_key = p_email_key and p.state = 'active';
$$;
comment on function identity.find_credentials is
  'The user and the password hash for a sign-in. `last_tenant_id` is the tenant that the user used last. `familiar` is
  true if a session of the user was opened from this network.';

create function identity.open_session(
  p_session_id uuid, p_user_id uuid, p_tenant_id uuid, p_token_hash bytea, p_days integer, p_access jsonb,
  p_network bytea
) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- With a lock on the user: an erasure waits for this transaction and ends the new session, or this one waits for it.
  perform from identity.users where id = p_user_id and state = 'active' for share;
  if not found then
    return false;
  end if;
  insert into identity.sessions (id, user_id, tenant_id, expires_at, access_id, network)
  values (p_session_id, p_user_id, p_tenant_id, now() + make_interval(days => p_days),
    access.find_or_create(p_access, p_user_id), p_network)
  on conflict (id) do nothing;
  if not found then
    perform from identity.sessions
      where id = p_session_id and user_id = p_user_id and tenant_id is not distinct from p_tenant_id
        and ended_at is null for update;
    if not found then
      return false;
    end if;
    delete from identity.refresh_tokens where session_id = p_session_id and used_at is null;
  end if;
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
  return true;
end $$;
comment on function identity.open_session is
  'Opens a session. If the same command has opened it before, its first refresh token, which no client has received, is
  replaced with this one. False: the user is not active, the session belongs to another user or tenant, or it has
  ended.';

create function identity.find_refresh_token(p_token_hash bytea) returns table (user_id uuid, tenant_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.user_id, s.tenant_id from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
  where t.token_hash = p_token_hash;
$$;
comment on function identity.find_refresh_token is
  'The user and tenant of a refresh token. It does not use the token.';

create function identity.rotate_refresh_token(
  p_token_hash bytea, p_salt bytea, p_next_hash bytea, p_grace_seconds integer, p_days integer
) returns table (outcome text, salt bytea, next_used boolean, session_id uuid, user_id uuid, tenant_id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  session identity.sessions;
  token   identity.refresh_tokens;
  at      timestamptz;
begin
  -- Locks the session: one refresh at a time. The token is read in a separate statement, which sees the refresh before.
  select s.* into session from identity.sessions s
    where s.id = (select t.session_id from identity.refresh_tokens t where t.token_hash = p_token_hash) for update;
  if not found then
    return query select 'unknown', null::bytea, false, null::uuid, null::uuid, null::uuid;
    return;
  end if;
  select t.* into token from identity.refresh_tokens t where t.token_hash = p_token_hash;
  at := clock_timestamp();   -- not now(), which is the time before the wait for the lock
  if session.ended_at is not null or session.expires_at <= at then
    return query select 'ended', null::bytea, false, session.id, session.user_id, session.tenant_id;
  elsif token.used_at is null then
    insert into identity.refresh_tokens (token_hash, session_id) values (p_next_hash, session.id);
    update identity.refresh_tokens t set used_at = at, next_salt = p_salt, replaced_by = p_next_hash
      where t.token_hash = p_token_hash;
    -- Used tokens are kept for as long as an unused token is valid.
    delete from identity.refresh_tokens t
      where t.session_id = session.id and t.used_at < at - make_interval(days => p_days);
    update identity.sessions s set last_used_at = at, expires_at = at + make_interval(days => p_days)
      where s.id = session.id;
    return query select 'rotated', p_salt, false, session.id, session.user_id, session.tenant_id;
  elsif token.used_at >= at - make_interval(secs => p_grace_seconds) then
    return query select 'rotated', token.next_salt, n.used_at is not null, session.id, session.user_id, session.tenant_id
      from identity.refresh_tokens n where n.token_hash = token.replaced_by;
  else
    update identity.sessions s set ended_at = at, end_reason = 'refresh token used twice' where s.id = session.id;
    return query select 'reused', null::bytea, false, session.id, session.user_id, session.tenant_id;
  end if;
end $$;
comment on function identity.rotate_refresh_token is
  'Exchanges a refresh token for the next one. If the token was used before, it counts as stolen and the session ends,
  unless its first use was within the grace period: two tabs of a client may refresh at the same time, and a client may
  lose the answer. They get the same next token, so a family never forks: a thief within the grace period has the same
  token as the user, and the second use of that token ends the session. Outcomes: rotated, reused, ended, unknown.';

create function identity.end_session(p_user_id uuid, p_session_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.sessions set ended_at = clock_timestamp(), end_reason = 'ended by its user'
  where id = p_session_id and user_id = p_user_id and ended_at is null;
  return found or exists (select from identity.sessions where id = p_session_id and user_id = p_user_id);
end $$;
comment on function identity.end_session is
  'Ends a session of a user. False: the user has no such session. A session that has already ended is not changed.';

create function identity.ended_sessions(p_within_seconds integer) returns table (session_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id from identity.sessions s where s.ended_at > now() - make_interval(secs => p_within_seconds);
$$;
comment on function identity.ended_sessions is
  'The sessions that ended in the last p_within_seconds seconds. Their access tokens may not have expired, so every
  process refuses them.';

create function identity.purge(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.sign_ups where completed_at < lease.now() - make_interval(hours => p_older_hours);
  delete from identity.sessions where id in (
    select id from identity.sessions where expires_at < now() - make_interval(hours => p_older_hours) limit 1000);
$$;
comment on function identity.purge is
  'Deletes the sign-ups that were completed more than p_older_hours hours ago, and at most 1,000 sessions that expired
  more than that ago by the wall clock.';

revoke all on function identity.find_credentials, identity.open_session, identity.find_refresh_token,
  identity.rotate_refresh_token, identity.end_session, identity.ended_sessions, identity.purge from public;
grant execute on function identity.find_credentials, identity.open_session, identity.find_refresh_token,
  identity.rotate_refresh_token, identity.end_session, identity.ended_sessions to {{app}};
grant execute on function identity.purge to {{projector}};
