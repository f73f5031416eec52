-- Sign-ups, joins and erasures that were cut off are taken up by lease time, and no longer by the database's wall clock: one that
-- is ten minutes ahead for a while would leave what was begun then undone for ten minutes after it is right again, and one
-- that is set ahead would give away at once what a request is still at work at.
alter table identity.sign_ups alter column attempted_at set default lease.now();
alter table identity.joins    alter column attempted_at set default lease.now();
alter table identity.erasures alter column attempted_at set default lease.now();
comment on column identity.sign_ups.attempted_at is 'in lease time';
comment on column identity.sign_ups.completed_at is 'in lease time';
comment on column identity.joins.attempted_at is 'in lease time';
comment on column identity.joins.completed_at is 'in lease time';
comment on column identity.erasures.attempted_at is 'in lease time';
comment on column identity.erasures.erased_at is 'in lease time';
comment on column identity.erasures.checked_at is 'in lease time';

-- What was under way when this was installed.
update identity.sign_ups set attempted_at = least(attempted_at, lease.now()) where completed_at is null;
update identity.joins    set attempted_at = least(attempted_at, lease.now()) where completed_at is null;
update identity.erasures set attempted_at = least(attempted_at, lease.now()), erased_at = least(erased_at, lease.now())
where checked_at is null;

create or replace function identity.complete_sign_up(p_person_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with active as (update identity.persons set state = 'active' where id = p_person_id and state = 'pending')
  update identity.sign_ups set completed_at = lease.now() where person_id = p_person_id and completed_at is null;
$$;

create or replace function identity.take_unfinished_sign_ups(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, tenant_id uuid, company_name text, slug text, command_id uuid, correlation_id text)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.sign_ups s set attempts = attempts + 1, attempted_at = lease.now()
  where s.person_id in (
    select u.person_id from identity.sign_ups u
    where u.completed_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning s.person_id, s.tenant_id, s.company_name, s.slug, s.command_id, s.correlation_id;
$$;

-- Forgets sign-ups that were completed so many hours ago, and sessions that ran out before that, by the wall clock.
create or replace function identity.purge(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.sign_ups where completed_at < lease.now() - make_interval(hours => p_older_hours);
  delete from identity.sessions where id in (
    select id from identity.sessions where expires_at < now() - make_interval(hours => p_older_hours) limit 1000);
$$;

create or replace function identity.complete_join(p_person_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with active as (update identity.persons set state = 'active' where id = p_person_id and state = 'pending')
  update identity.joins set completed_at = lease.now() where person_id = p_person_id and completed_at is null;
$$;

create or replace function identity.take_unfinished_joins(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, tenant_id uuid, token_hash text, email_domain text, command_id uuid,
  correlation_id text, claimed_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.joins j set attempts = attempts + 1, attempted_at = lease.now()
  where j.person_id in (
    select u.person_id from identity.joins u
    where u.completed_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning j.person_id, j.tenant_id, j.token_hash, j.email_domain, j.command_id, j.correlation_id, j.claimed_at;
$$;

create or replace function identity.purge_joins(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.joins where completed_at < lease.now() - make_interval(hours => p_older_hours);
$$;

create or replace function identity.begin_erasure(p_person_id uuid, p_command_id uuid, p_correlation_id text)
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
    on conflict (person_id) do update set attempts = e.attempts + 1, attempted_at = lease.now()
    returning e.command_id, e.correlation_id, e.attempts;
end $$;

create or replace function identity.erase_person(p_person_id uuid) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended uuid[];
begin
  update identity.persons set state = 'erased', name = '', email = '', email_key = 'erased ' || id, password_hash = ''
  where id = p_person_id and state = 'erasing';
  -- Ended and not deleted: other processes learn from it that their access tokens are not valid any more.
  with those as (
    update identity.sessions set ended_at = coalesce(ended_at, clock_timestamp()), end_reason = 'the person was erased',
      user_agent = null, network = null
    where person_id = p_person_id returning id)
  select coalesce(array_agg(id), '{}') into ended from those;
  delete from identity.refresh_tokens where session_id = any (ended);
  delete from identity.sign_ups where person_id = p_person_id;
  -- Answers that are kept for repeated requests: of the tenants that they had sessions in, and of no tenant.
  delete from idempotency.keys k where k.person_id = p_person_id and k.status is not null and k.tenant_id in (
    select s.tenant_id from identity.sessions s where s.person_id = p_person_id
    union all select '00000000-0000-0000-0000-000000000000'::uuid);
  update identity.erasures set erased_at = coalesce(erased_at, lease.now()),
    checked_at = case when erased_at < lease.now() - interval '60 seconds' then coalesce(checked_at, lease.now())
      else checked_at end
  where person_id = p_person_id;
  return ended;
end $$;

-- Erasures that were cut off, and those whose second look is due; each is given to one caller at a time.
create or replace function identity.take_unfinished_erasures(p_older_seconds integer, p_limit integer)
returns table (person_id uuid, command_id uuid, correlation_id text, attempts integer)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.erasures e set attempts = e.attempts + 1, attempted_at = lease.now()
  where e.person_id in (
    select u.person_id from identity.erasures u
    where u.checked_at is null and u.attempted_at <= lease.now() - make_interval(secs => p_older_seconds)
      and (u.erased_at is null or u.erased_at < lease.now() - interval '60 seconds')
    order by u.attempts, u.attempted_at limit p_limit for update skip locked)
  returning e.person_id, e.command_id, e.correlation_id, e.attempts;
$$;

create or replace function identity.purge_erased(p_older_hours integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.persons where state = 'erased' and id in (
    select person_id from identity.erasures where checked_at < lease.now() - make_interval(hours => p_older_hours)
    limit 1000);
$$;
