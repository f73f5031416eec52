-- Sign-in, sessions and refresh tokens.

create function identity.find_credentials(p_email_key text, p_network bytea)
returns table (user_id uuid, password_hash text, password_version integer, last_tenant_id uuid, familiar boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.password_hash, p.password_version,
    (select s.tenant_id from identity.sessions s where s.user_id = p.id and s.tenant_id is not null
     order by s.last_used_at desc limit 1),
    exists (select from identity.sessions s where s.user_id = p.id and s.network = p_network)
  from identity.users p where p.email_key = p_email_key and p.state = 'active';
$$;
comment on function identity.find_credentials is
  'The user and the password hash for a sign-in. `last_tenant_id` is the tenant that the user used last. `familiar` is
  true if a session of the user was opened from this network.';

create function identity.end_sessions(p_session_ids uuid[], p_reason text) returns uuid[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  level uuid[] := p_session_ids;
  ended uuid[] := '{}';
begin
  -- Each level is read in a separate statement, after its parents were locked: a session that is being opened from one
  -- of them is committed by then.
  loop
    with those as (
      update identity.sessions set ended_at = clock_timestamp(), end_reason = p_reason
      where id = any (level) and ended_at is null returning id)
    select ended || coalesce(array_agg(id), '{}') into ended from those;
    -- Also those that have ended: sessions that were opened from them may be open.
    select array_agg(id) into level from identity.sessions where opened_from = any (level);
    exit when level is null;
  end loop;
  return ended;
end $$;
comment on function identity.end_sessions is
  'Ends sessions, and all sessions that were opened from them. Returns the ids of those that had not ended before.';

create function identity.end_sessions_beyond(
  p_user_id uuid, p_session_id uuid, p_opened_from uuid, p_max integer
) returns uuid[]
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  ended uuid[];
begin
  with those as (
    update identity.sessions set ended_at = clock_timestamp(), end_reason = 'too-many-sessions'
    where id in (
      select s.id from identity.sessions s
      where s.user_id = p_user_id and s.ended_at is null and s.expires_at > now() and s.id <> p_session_id
        and s.id is distinct from p_opened_from
      order by s.last_used_at desc, s.id desc
      offset p_max - 1 - num_nonnulls(p_opened_from))
    returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  return ended;
end $$;
comment on function identity.end_sessions_beyond is
  'Ends the sessions of a user that were used least recently, so that at most p_max are open. It does not end the new
  session p_session_id, the one from which it was opened, or the sessions that were opened from those that it ends.';

create function identity.open_session(
  p_session_id uuid, p_user_id uuid, p_tenant_id uuid, p_member_since integer, p_token_hash bytea, p_days integer,
  p_access jsonb, p_network bytea, p_password_version integer, p_opened_from uuid, p_max integer, p_method text,
  p_cause jsonb default null
) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform identity.set_cause(p_cause);
  -- With a lock on the user: an erasure or a change of the password waits for this transaction and ends the new
  -- session, or this one waits for it and sees its result. Sessions of one user are opened one after another.
  perform from identity.users where id = p_user_id and state = 'active'
    and (p_opened_from is not null or password_version = p_password_version) for no key update;
  if not found then
    return null;
  end if;
  if p_opened_from is not null then
    -- With a lock on the session: its end waits for this transaction and ends the new session, or this one waits.
    perform from identity.sessions
      where id = p_opened_from and user_id = p_user_id and ended_at is null and expires_at > clock_timestamp() for share;
    if not found then
      return null;
    end if;
  end if;
  insert into identity.sessions (id, user_id, tenant_id, member_since, expires_at, method, opened_from, access_id, network)
  values (p_session_id, p_user_id, p_tenant_id, p_member_since, now() + make_interval(days => p_days), p_method,
    p_opened_from, access.find_or_create(p_access, p_user_id), p_network)
  on conflict (id) do nothing;
  if not found then
    perform from identity.sessions
      where id = p_session_id and user_id = p_user_id and tenant_id is not distinct from p_tenant_id
        and ended_at is null for update;
    -- A client that has used a refresh token of the session has it, and would lose it.
    if not found or exists (
      select from identity.refresh_tokens where session_id = p_session_id and used_at is not null) then
      return null;
    end if;
    delete from identity.refresh_tokens where session_id = p_session_id and used_at is null;
  end if;
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
  return identity.end_sessions_beyond(p_user_id, p_session_id, p_opened_from, p_max);
end $$;
comment on function identity.open_session is
  'Opens a session with a proof: the version of the password that was checked, or the session whose access token was
  sent. If the same command has opened it before, its first refresh token, which no client has received, is replaced with
  this one. Returns the sessions that it ended because the user had more than p_max. Null: the user is not active, the
  password was changed or the other session has ended since the proof was checked, or the session belongs to another user
  or tenant, has ended, or is in use.';

create function identity.find_refresh_token(p_token_hash bytea)
returns table (user_id uuid, tenant_id uuid, member_since integer)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.user_id, s.tenant_id, s.member_since from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
  where t.token_hash = p_token_hash;
$$;
comment on function identity.find_refresh_token is
  'The user, tenant and membership of a refresh token. It does not use the token.';

create function identity.is_unused_refresh_token(p_token_hash bytea) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
    where t.token_hash = p_token_hash and t.used_at is null and s.ended_at is null and s.expires_at > now());
$$;
comment on function identity.is_unused_refresh_token is
  'Whether a refresh token is valid and was never used. It does not use the token.';

create function identity.rotate_refresh_token(
  p_token_hash bytea, p_salt bytea, p_next_hash bytea, p_grace_seconds integer, p_days integer, p_cause jsonb default null
) returns table (outcome text, salt bytea, next_used boolean, session_id uuid, user_id uuid, tenant_id uuid, ended uuid[])
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  session identity.sessions;
  token   identity.refresh_tokens;
  at      timestamptz;
begin
  perform identity.set_cause(p_cause);
  -- Locks the session: one refresh at a time. The token is read in a separate statement, which sees the refresh before.
  select s.* into session from identity.sessions s
    where s.id = (select t.session_id from identity.refresh_tokens t where t.token_hash = p_token_hash) for update;
  if not found then
    return query select 'unknown', null::bytea, false, null::uuid, null::uuid, null::uuid, '{}'::uuid[];
    return;
  end if;
  select t.* into token from identity.refresh_tokens t where t.token_hash = p_token_hash;
  at := clock_timestamp();   -- not now(), which is the time before the wait for the lock
  if session.ended_at is not null or session.expires_at <= at then
    return query select 'ended', null::bytea, false, session.id, session.user_id, session.tenant_id, '{}'::uuid[];
  elsif token.used_at is null then
    insert into identity.refresh_tokens (token_hash, session_id) values (p_next_hash, session.id);
    update identity.refresh_tokens t set used_at = at, next_salt = p_salt, replaced_by = p_next_hash
      where t.token_hash = p_token_hash;
    -- Used tokens are kept for as long as an unused token is valid.
    delete from identity.refresh_tokens t
      where t.session_id = session.id and t.used_at < at - make_interval(days => p_days);
    update identity.sessions s set last_used_at = at, expires_at = at + make_interval(days => p_days)
      where s.id = session.id;
    return query select 'rotated', p_salt, false, session.id, session.user_id, session.tenant_id, '{}'::uuid[];
  elsif token.used_at >= at - make_interval(secs => p_grace_seconds) then
    return query select 'rotated', token.next_salt, n.used_at is not null, session.id, session.user_id, session.tenant_id,
        '{}'::uuid[]
      from identity.refresh_tokens n where n.token_hash = token.replaced_by;
  else
    return query select 'reused', null::bytea, false, session.id, session.user_id, session.tenant_id,
      identity.end_sessions(array[session.id], 'refresh-token-reused');
  end if;
end $$;
comment on function identity.rotate_refresh_token is
  'Exchanges a refresh token for the next one. If the token was used before, it counts as stolen and the session ends,
  unless its first use was within the grace period: two tabs of a client may refresh at the same time, and a client may
  lose the answer. They get the same next token, so a family never forks: a thief within the grace period has the same
  token as the user, and the second use of that token ends the session. Outcomes: rotated, reused, ended, unknown.';

create function identity.end_session(
  p_user_id uuid, p_session_id uuid, p_reason text, p_cause jsonb default null
) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform identity.set_cause(p_cause);
  perform from identity.sessions where id = p_session_id and user_id = p_user_id;
  return case when found then identity.end_sessions(array[p_session_id], p_reason) end;
end $$;
comment on function identity.end_session is
  'Ends a session of a user, and all sessions that were opened from it. Returns the ids of those that had not ended
  before. Null: the user has no such session.';

create function identity.end_session_of_token(p_token_hash bytea, p_cause jsonb default null) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_session_id uuid;
begin
  perform identity.set_cause(p_cause);
  select t.session_id into v_session_id from identity.refresh_tokens t where t.token_hash = p_token_hash;
  return case when found then identity.end_sessions(array[v_session_id], 'signed-out') end;
end $$;
comment on function identity.end_session_of_token is
  'Ends the session of a refresh token, used or not, and all sessions that were opened from it. Returns the ids of those that
  had not ended before. Null: the token is unknown.';

create function identity.end_sessions_of_member(
  p_tenant_id uuid, p_user_id uuid, p_removed_at integer, p_cause jsonb default null
) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended integer;
begin
  perform identity.set_cause(p_cause);
  update identity.sessions set ended_at = clock_timestamp(), end_reason = 'removed'
  where tenant_id = p_tenant_id and user_id = p_user_id and member_since < p_removed_at and ended_at is null;
  get diagnostics ended = row_count;
  return ended;
end $$;
comment on function identity.end_sessions_of_member is
  'Ends the sessions of a member who left or was removed at this version of the tenant''s stream. Sessions in other tenants
  that were opened from them stay. Returns the number of sessions.';

create function identity.ended_sessions(p_within_seconds integer) returns table (session_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id from identity.sessions s where s.ended_at > now() - make_interval(secs => p_within_seconds);
$$;
comment on function identity.ended_sessions is
  'The sessions that ended in the last p_within_seconds seconds. Their access tokens may not have expired, so every
  process refuses them.';

create function identity.purge(p_older_hours integer, p_now timestamptz) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.sign_ups where completed_at < lease.now() - make_interval(hours => p_older_hours);
  update identity.sessions set ended_at = expires_at, end_reason = 'expired' where id in (
    select id from identity.sessions where expires_at < least(now(), p_now) and ended_at is null limit 1000 for update skip locked);
  delete from identity.sessions where id in (
    select id from identity.sessions
    where expires_at < least(now(), p_now) - make_interval(hours => p_older_hours) and ended_at is not null limit 1000);
$$;
comment on function identity.purge is
  'Deletes the sign-ups that were completed more than p_older_hours hours ago. Ends at most 1,000 sessions that have
  expired, and deletes at most 1,000 that expired more than p_older_hours hours ago. p_now is the time of the
  caller: the earlier of the two clocks counts, so that a clock that is ahead ends no session.';

revoke all on function identity.end_sessions, identity.end_sessions_beyond, identity.find_credentials,
  identity.open_session, identity.find_refresh_token, identity.is_unused_refresh_token,
  identity.rotate_refresh_token, identity.end_session, identity.end_session_of_token, identity.end_sessions_of_member,
  identity.ended_sessions, identity.purge from public;
grant execute on function identity.find_credentials, identity.open_session, identity.find_refresh_token,
  identity.is_unused_refresh_token,
  identity.rotate_refresh_token, identity.end_session, identity.end_session_of_token, identity.ended_sessions to {{app}};
grant execute on function identity.purge, identity.end_sessions_of_member to {{projector}};
