-- The password and profile of a user, and the erasure of the user.

create function identity.find_password(p_user_id uuid) returns table (email_key text, password_hash text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.email_key, p.password_hash from identity.users p
  where p.id = p_user_id and p.state in ('active', 'erasing');
$$;
comment on function identity.find_password is
  'The password hash of a signed-in user, to check the password that the user enters again.';

create function identity.has_signed_in_within(p_user_id uuid, p_session_id uuid, p_seconds integer) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from identity.sessions where id = p_session_id and user_id = p_user_id and ended_at is null
      and opened_from is null and created_at > now() - make_interval(secs => p_seconds));
$$;
comment on function identity.has_signed_in_within is
  'Whether the session was opened with a password, and not from another session, in the last p_seconds seconds.';

create function identity.change_password(
  p_user_id uuid, p_old_hash text, p_new_hash text, p_kept_session_id uuid, p_cause jsonb default null
) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended uuid[];
begin
  perform identity.set_cause(p_cause);
  update identity.users set password_hash = p_new_hash, password_version = password_version + 1
  where id = p_user_id and password_hash = p_old_hash and state = 'active';
  if not found then
    return null;
  end if;
  perform identity.add_fact('user', p_user_id, null, 'PasswordChanged', '{}', clock_timestamp(), p_user_id, null);
  with those as (
    update identity.sessions set ended_at = clock_timestamp(), end_reason = 'password-changed'
    where user_id = p_user_id and id <> p_kept_session_id and ended_at is null returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  return ended;
end $$;
comment on function identity.change_password is
  'Replaces the password if it is still the one that was checked, and ends all other sessions of the user. Returns the
  ended sessions. Null: the password was changed in the meantime.';

create function identity.change_profile(
  p_user_id uuid, p_name text, p_email text, p_email_key text, p_seen_name text, p_seen_email text,
  p_cause jsonb default null
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  before identity.users;
begin
  perform identity.set_cause(p_cause);
  select * into before from identity.users where id = p_user_id and state = 'active' for no key update;
  if not found then
    return 'gone';
  end if;
  if p_seen_name is not null and (before.name <> p_seen_name or before.email <> p_seen_email) then
    return 'stale';
  end if;
  update identity.users set name = coalesce(p_name, name), email = coalesce(p_email, email),
    email_key = coalesce(p_email_key, email_key)
  where id = p_user_id;
  if p_email <> before.email then
    perform identity.add_fact('user', p_user_id, null, 'EmailChanged', '{}', clock_timestamp(), p_user_id, null);
  end if;
  return 'changed';
exception when unique_violation then
  return 'taken';
end $$;
comment on function identity.change_profile is
  'Changes the name and address that are not null. If p_seen_name and p_seen_email are not null, it changes them only if
  the present values are equal to these. Outcomes: changed; stale (the values differ); gone (there is no such active
  user); taken (the address belongs to another user).';

create function identity.begin_membership(p_user_id uuid, p_tenant_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- With a lock on the user: an erasure waits for this transaction and sees the row, or this one waits for it.
  perform from identity.users where id = p_user_id and state = 'active' for share;
  if not found then
    return false;
  end if;
  insert into identity.pending_memberships as m (user_id, tenant_id) values (p_user_id, p_tenant_id)
  on conflict (user_id, tenant_id) do update set began_at = lease.now();
  return true;
end $$;
comment on function identity.begin_membership is
  'Announces a membership of an existing user that is about to be appended to the log. False: the user is not active.';

create function identity.end_membership(p_user_id uuid, p_tenant_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.pending_memberships where user_id = p_user_id and tenant_id = p_tenant_id;
$$;
comment on function identity.end_membership is 'The announced membership is in the log, or will never be appended.';

create function identity.begin_erasure(
  p_user_id uuid, p_command_id uuid, p_correlation_id text, p_access_id uuid, p_tenant_ids uuid[] default '{}'
)
returns table (outcome text, command_id uuid, correlation_id text, access_id uuid, attempts integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  before text;
begin
  select p.state into before from identity.users p where p.id = p_user_id and p.state in ('active', 'erasing') for update;
  if not found then
    return query select 'gone', null::uuid, null::text, null::uuid, 0;
    return;
  end if;
  if before = 'active' and exists (
    select from identity.pending_memberships m
    where m.user_id = p_user_id and m.began_at > lease.now() - interval '60 seconds') then
    return query select 'busy', null::uuid, null::text, null::uuid, 0;
    return;
  end if;
  update identity.users p set state = 'erasing' where p.id = p_user_id;
  return query
    insert into identity.erasures as e (user_id, command_id, correlation_id, access_id, tenant_ids)
    values (p_user_id, p_command_id, p_correlation_id, p_access_id, p_tenant_ids)
    on conflict (user_id) do update set attempts = e.attempts + 1, attempted_at = lease.now()
    returning 'begun', e.command_id, e.correlation_id, e.access_id, e.attempts;
end $$;
comment on function identity.begin_erasure is
  'Begins the erasure of a user. From then on sign-in and new memberships are refused. A repeat returns the erasure in
  progress. Outcomes: begun; gone (the user does not exist or is erased); busy (a membership of the user is about to be
  appended to the log).';

create function identity.cancel_erasure(p_user_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.erasures where user_id = p_user_id and erased_at is null;
  update identity.users set state = 'active' where id = p_user_id and state = 'erasing';
$$;
comment on function identity.cancel_erasure is
  'Cancels an erasure that would leave a tenant without an owner. The user is active again.';

create function identity.take_unfinished_erasures(p_older_seconds integer, p_limit integer)
returns table (user_id uuid, command_id uuid, correlation_id text, access_id uuid, attempts integer, is_erased boolean)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.erasures e set attempts = e.attempts + 1, attempted_at = lease.now()
  where e.user_id in (
    select u.user_id from identity.erasures u
    where u.checked_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
      and (u.erased_at is null or u.erased_at < lease.now() - interval '60 seconds')
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning e.user_id, e.command_id, e.correlation_id, e.access_id, e.attempts, e.erased_at is not null;
$$;
comment on function identity.take_unfinished_erasures is
  'Claims interrupted erasures, and erasures whose second search for personal data is due (60 s after the first), each
  for one caller at a time.';

create function identity.purge_erased(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.users where state = 'erased' and id in (
    select user_id from identity.erasures where checked_at < lease.now() - make_interval(hours => p_older_hours)
    limit 1000);
$$;
comment on function identity.purge_erased is
  'Deletes the empty rows of users whose erasure was completed more than p_older_hours hours ago, which must be longer
  than any access token is valid.';

revoke all on function identity.find_password, identity.has_signed_in_within, identity.change_password, identity.change_profile,
  identity.begin_membership, identity.end_membership, identity.begin_erasure, identity.cancel_erasure,
  identity.take_unfinished_erasures, identity.purge_erased from public;
grant execute on function identity.find_password, identity.has_signed_in_within, identity.change_password, identity.change_profile,
  identity.begin_membership, identity.end_membership, identity.begin_erasure to {{app}};
grant execute on function identity.cancel_erasure to {{app}}, {{projector}};
grant execute on function identity.take_unfinished_erasures, identity.purge_erased to {{projector}};
