-- Joins of new people under way: enough to complete one, or to give its address back, from any point at which it was cut
-- off. As with sign-ups, a completed one stays as long as its idempotency key.
create table identity.joins (
  person_id      uuid        not null primary key references identity.persons on delete cascade,
  tenant_id      uuid        not null,
  token_hash     text        not null,
  email_domain   text        not null,
  command_id     uuid        not null,
  correlation_id text        not null,
  claimed_at     timestamptz not null default now(),
  attempts       integer     not null default 0,
  attempted_at   timestamptz not null default now(),
  completed_at   timestamptz
);
create index joins_open_idx on identity.joins (attempts, attempted_at) where completed_at is null;
create index joins_completed_idx on identity.joins (completed_at) where completed_at is not null;

alter table identity.joins enable row level security;
alter table identity.joins force row level security;
create policy owner_all on identity.joins to current_user using (true) with check (true);

-- Claims an address for somebody who joins. The same command finds its own claim again.
create function identity.claim_join(
  p_person_id uuid, p_email text, p_email_key text, p_name text, p_password_hash text, p_tenant_id uuid,
  p_token_hash text, p_email_domain text, p_command_id uuid, p_correlation_id text
) returns table (outcome text, person_id uuid, created_at timestamptz, claimed_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into identity.persons (id, email, email_key, name, password_hash)
  values (p_person_id, p_email, p_email_key, p_name, p_password_hash)
  on conflict (email_key) do nothing;
  if found then
    insert into identity.joins (person_id, tenant_id, token_hash, email_domain, command_id, correlation_id)
    values (p_person_id, p_tenant_id, p_token_hash, p_email_domain, p_command_id, p_correlation_id);
    return query select 'claimed', p_person_id, now(), now();
    return;
  end if;
  return query select 'resumed', j.person_id, p.created_at, j.claimed_at
    from identity.joins j join identity.persons p on p.id = j.person_id
    where p.email_key = p_email_key and j.command_id = p_command_id and j.tenant_id = p_tenant_id;
  if not found then
    return query select 'taken', null::uuid, null::timestamptz, null::timestamptz;
  end if;
end $$;

-- Everything is in the log: the person may sign in from now on.
create function identity.complete_join(p_person_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with active as (update identity.persons set state = 'active' where id = p_person_id and state = 'pending')
  update identity.joins set completed_at = now() where person_id = p_person_id and completed_at is null;
$$;

-- The invitation could not be used: the address is free again.
create function identity.release_join(p_person_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.persons p where p.id = p_person_id and p.state = 'pending'
    and exists (select from identity.joins j where j.person_id = p.id and j.completed_at is null);
$$;

-- Joins that were cut off, each given to one caller at a time. What failed often comes last.
create function identity.take_unfinished_joins(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, tenant_id uuid, token_hash text, email_domain text, command_id uuid,
  correlation_id text, claimed_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.joins j set attempts = attempts + 1, attempted_at = now()
  where j.person_id in (
    select u.person_id from identity.joins u
    where u.completed_at is null and u.attempted_at <= now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning j.person_id, j.tenant_id, j.token_hash, j.email_domain, j.command_id, j.correlation_id, j.claimed_at;
$$;

-- Forgets joins that were completed so many hours ago.
create function identity.purge_joins(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.joins where completed_at < now() - make_interval(hours => p_older_hours);
$$;

revoke all on function identity.claim_join, identity.complete_join, identity.release_join,
  identity.take_unfinished_joins, identity.purge_joins from public;
grant execute on function identity.claim_join, identity.complete_join, identity.release_join to {{app}};
grant execute on function identity.take_unfinished_joins, identity.complete_join, identity.release_join,
  identity.purge_joins to {{projector}};
