-- Sign-ups and joins: the claim of an address, its completion, and the search for interrupted ones.

create function identity.claim_sign_up(
  p_user_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid,
  p_tenant_name text, p_slug text, p_command_id uuid, p_correlation_id text, p_access jsonb
) returns table (outcome text, user_id uuid, tenant_id uuid, slug text, created_at timestamptz, access_id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_access_id uuid;
begin
  insert into identity.users (id, email, email_key, name, password_hash)
  values (p_user_id, p_email, p_email_key, p_name, p_password_hash)
  on conflict (email_key) do nothing;
  if found then
    v_access_id := access.find_or_create(p_access, p_user_id);
    insert into identity.sign_ups (user_id, tenant_id, tenant_name, slug, command_id, correlation_id, access_id)
    values (p_user_id, p_tenant_id, p_tenant_name, p_slug, p_command_id, p_correlation_id, v_access_id);
    return query select 'claimed', p_user_id, p_tenant_id, p_slug, now(), v_access_id;
    return;
  end if;
  return query select 'resumed', s.user_id, s.tenant_id, s.slug, p.created_at, s.access_id
    from identity.sign_ups s join identity.users p on p.id = s.user_id
    where p.email_key = p_email_key and s.command_id = p_command_id;
  if not found then
    return query select 'taken', null::uuid, null::uuid, null::text, null::timestamptz, null::uuid;
  end if;
end $$;
comment on function identity.claim_sign_up is
  'Claims an address for a sign-up, and stores all ids that the sign-up will use. Outcomes: claimed; resumed (the same
  command has claimed it before, whose ids are returned); taken (the address belongs to another user).';

create function identity.complete_sign_up(p_user_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with active as (update identity.users set state = 'active' where id = p_user_id and state = 'pending')
  update identity.sign_ups set completed_at = lease.now() where user_id = p_user_id and completed_at is null;
$$;
comment on function identity.complete_sign_up is
  'Completes a sign-up when all of its events are in the log. From then on the user can sign in.';

create function identity.take_unfinished_sign_ups(p_older_seconds integer, p_limit integer)
returns table (user_id uuid, tenant_id uuid, tenant_name text, slug text, command_id uuid, correlation_id text,
  access_id uuid)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.sign_ups s set attempts = attempts + 1, attempted_at = lease.now()
  where s.user_id in (
    select u.user_id from identity.sign_ups u
    where u.completed_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning s.user_id, s.tenant_id, s.tenant_name, s.slug, s.command_id, s.correlation_id, s.access_id;
$$;
comment on function identity.take_unfinished_sign_ups is
  'Claims interrupted sign-ups, each for one caller at a time. Those that have failed most often are returned last, so
  that they do not delay others.';

create function identity.claim_join(
  p_user_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid,
  p_token_hash text, p_email_domain text, p_command_id uuid, p_correlation_id text, p_access jsonb
) returns table (outcome text, user_id uuid, created_at timestamptz, claimed_at timestamptz, access_id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_access_id uuid;
begin
  insert into identity.users (id, email, email_key, name, password_hash)
  values (p_user_id, p_email, p_email_key, p_name, p_password_hash)
  on conflict (email_key) do nothing;
  if found then
    v_access_id := access.find_or_create(p_access, p_user_id);
    insert into identity.joins (user_id, tenant_id, token_hash, email_domain, command_id, correlation_id, access_id)
    values (p_user_id, p_tenant_id, p_token_hash, p_email_domain, p_command_id, p_correlation_id, v_access_id);
    return query select 'claimed', p_user_id, now(), now(), v_access_id;
    return;
  end if;
  return query select 'resumed', j.user_id, p.created_at, j.claimed_at, j.access_id
    from identity.joins j join identity.users p on p.id = j.user_id
    where p.email_key = p_email_key and j.command_id = p_command_id and j.tenant_id = p_tenant_id;
  if not found then
    return query select 'taken', null::uuid, null::timestamptz, null::timestamptz, null::uuid;
  end if;
end $$;
comment on function identity.claim_join is
  'Claims an address for a new user who joins a tenant. Outcomes as in identity.claim_sign_up.';

create function identity.complete_join(p_user_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with active as (update identity.users set state = 'active' where id = p_user_id and state = 'pending')
  update identity.joins set completed_at = lease.now() where user_id = p_user_id and completed_at is null;
$$;
comment on function identity.complete_join is
  'Completes a join when all of its events are in the log. From then on the user can sign in.';

create function identity.release_join(p_user_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.users p where p.id = p_user_id and p.state = 'pending'
    and exists (select from identity.joins j where j.user_id = p.id and j.completed_at is null);
$$;
comment on function identity.release_join is 'Releases the address of a join whose invitation could not be used.';

create function identity.take_unfinished_joins(p_older_seconds integer, p_limit integer)
returns table (user_id uuid, tenant_id uuid, token_hash text, email_domain text, command_id uuid,
  correlation_id text, claimed_at timestamptz, access_id uuid)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.joins j set attempts = attempts + 1, attempted_at = lease.now()
  where j.user_id in (
    select u.user_id from identity.joins u
    where u.completed_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning j.user_id, j.tenant_id, j.token_hash, j.email_domain, j.command_id, j.correlation_id, j.claimed_at,
    j.access_id;
$$;
comment on function identity.take_unfinished_joins is
  'Claims interrupted joins, each for one caller at a time. Those that have failed most often are returned last.';

create function identity.purge_joins(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.joins where completed_at < lease.now() - make_interval(hours => p_older_hours);
$$;
comment on function identity.purge_joins is 'Deletes the joins that were completed more than p_older_hours hours ago.';

revoke all on function identity.claim_sign_up, identity.complete_sign_up, identity.take_unfinished_sign_ups,
  identity.claim_join, identity.complete_join, identity.release_join, identity.take_unfinished_joins,
  identity.purge_joins from public;
grant execute on function identity.claim_sign_up, identity.claim_join to {{app}};
grant execute on function identity.complete_sign_up, identity.complete_join, identity.release_join to {{app}},
  {{projector}};
grant execute on function identity.take_unfinished_sign_ups, identity.take_unfinished_joins, identity.purge_joins to
  {{projector}};
