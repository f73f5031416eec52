-- Facts of sign-in and of operators: an outbox that the transactions of identity fill. Workers append its rows to the event log.

create table identity.facts (
  seq            bigint      not null generated always as identity primary key,
  command_id     uuid        not null default gen_random_uuid(),
  aggregate      text        not null check (aggregate in ('session', 'user', 'operators')),
  aggregate_id   uuid        not null,
  tenant_id      uuid,
  type           text        not null,
  data           jsonb       not null,
  happened_at    timestamptz not null,
  actor_id       uuid,
  access_id      uuid,
  correlation_id text,
  causation_id   uuid,
  attempts       integer     not null default 0,
  attempted_at   timestamptz
);
comment on table identity.facts is
  'Facts of sign-in and of operators that are not in the event log yet. Each row is written in the transaction that makes it true, and
  deleted after it was appended.';
comment on column identity.facts.seq is 'the order of the facts of one session, user or operator';
comment on column identity.facts.command_id is 'the command of the append, so that a repeat adds no second event';
comment on column identity.facts.tenant_id is 'null: the fact belongs to no tenant';
comment on column identity.facts.actor_id is 'the user or, with the aggregate operators, the operator who caused it; null: the product';
comment on column identity.facts.correlation_id is 'the request that caused it; null: none did';
comment on column identity.facts.attempted_at is 'when a worker last took the row, in lease time';
create index facts_aggregate_idx on identity.facts (aggregate_id, seq);
create index facts_tenant_idx on identity.facts (tenant_id) where tenant_id is not null;

create table identity.failed_sign_ins (
  user_id   uuid        not null references identity.users on delete cascade,
  minute    timestamptz not null,
  times     integer     not null,
  access_id uuid        not null,
  primary key (user_id, minute)
);
comment on table identity.failed_sign_ins is
  'Wrong passwords for a user, counted by minute, so that nobody can fill the event log with them.';
comment on column identity.failed_sign_ins.access_id is 'from where the first one of the minute came';
create index failed_sign_ins_minute_idx on identity.failed_sign_ins (minute);

alter table identity.facts enable row level security;
alter table identity.facts force row level security;
alter table identity.failed_sign_ins enable row level security;
alter table identity.failed_sign_ins force row level security;
create policy owner_all on identity.facts to current_user using (true) with check (true);
create policy owner_all on identity.failed_sign_ins to current_user using (true) with check (true);

create function identity.set_cause(p_cause jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('identity.cause', coalesce(p_cause::text, ''), true);
end $$;
comment on function identity.set_cause is
  'The cause of all facts of the present transaction: correlationId, accessId and causationId, each of which may be
  missing.';

create function identity.add_fact(
  p_aggregate text, p_aggregate_id uuid, p_tenant_id uuid, p_type text, p_data jsonb, p_happened_at timestamptz,
  p_actor_id uuid, p_access_id uuid
) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  cause jsonb := coalesce(nullif(current_setting('identity.cause', true), '')::jsonb, '{}');
begin
  insert into identity.facts (aggregate, aggregate_id, tenant_id, type, data, happened_at, actor_id, access_id,
    correlation_id, causation_id)
  values (p_aggregate, p_aggregate_id, p_tenant_id, p_type, p_data, p_happened_at, p_actor_id,
    coalesce(p_access_id, (cause ->> 'accessId')::uuid), cause ->> 'correlationId', (cause ->> 'causationId')::uuid);
end $$;
comment on function identity.add_fact is 'Stores a fact, with the cause of the transaction.';

create function identity.add_session_fact() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    perform identity.add_fact('session', new.id, new.tenant_id, 'SessionStarted',
      jsonb_build_object('userId', new.user_id, 'method', new.method, 'openedFrom', new.opened_from),
      new.created_at, new.user_id, new.access_id);
  elsif old.ended_at is null and new.ended_at is not null then
    perform identity.add_fact('session', new.id, new.tenant_id, 'SessionEnded',
      jsonb_build_object('userId', new.user_id, 'reason', new.end_reason), new.ended_at,
      case when new.end_reason in ('signed-out', 'revoked', 'password-changed') then new.user_id end, null);
  end if;
  return null;
end $$;
comment on function identity.add_session_fact is
  'Stores the start and the end of a session, whichever function starts or ends it.';

create trigger session_facts after insert or update of ended_at on identity.sessions
  for each row execute function identity.add_session_fact();

create function identity.count_failed_sign_in(p_user_id uuid, p_access jsonb) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_minute timestamptz := date_trunc('minute', now());
begin
  update identity.failed_sign_ins set times = times + 1 where user_id = p_user_id and minute = v_minute;
  if found then
    return;
  end if;
  insert into identity.failed_sign_ins as f (user_id, minute, times, access_id)
  select p.id, v_minute, 1, access.find_or_create(p_access, p.id)
  from identity.users p where p.id = p_user_id and p.state in ('active', 'erasing')
  on conflict (user_id, minute) do update set times = f.times + 1;
end $$;
comment on function identity.count_failed_sign_in is 'Counts a wrong password for a user who can sign in.';

create function identity.take_facts(p_lease_seconds integer, p_limit integer)
returns table (seq text, command_id uuid, aggregate text, aggregate_id uuid, tenant_id uuid, type text, data jsonb,
  happened_at timestamptz, actor_id uuid, access_id uuid, correlation_id text, causation_id uuid, attempts integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- One caller at a time: otherwise, one could take the start of a session, and another one its end, and append it first.
  perform pg_advisory_xact_lock(7301951);
  -- A minute has ended for every transaction that may still count in it: a statement takes at most 30 s.
  with ended as (
    delete from identity.failed_sign_ins f where f.ctid in (
      select o.ctid from identity.failed_sign_ins o where o.minute < now() - interval '90 seconds'
      order by o.minute limit p_limit for update skip locked)
    returning f.*)
  insert into identity.facts (aggregate, aggregate_id, type, data, happened_at, access_id)
  select 'user', e.user_id, 'SignInsFailed', jsonb_build_object('times', e.times), e.minute, e.access_id from ended e;

  return query
    with taken as (
      update identity.facts f set attempts = f.attempts + 1, attempted_at = lease.now()
      where f.seq in (
        select d.seq from identity.facts d
        where (d.attempted_at is null or d.attempted_at <= lease.now() - make_interval(secs => p_lease_seconds))
          -- An earlier fact of the same session or user that another worker has taken comes first.
          and not exists (
            select from identity.facts e where e.aggregate_id = d.aggregate_id and e.seq < d.seq
              and e.attempted_at > lease.now() - make_interval(secs => p_lease_seconds))
        order by d.seq limit p_limit for update skip locked)
      returning f.*)
    select t.seq::text, t.command_id, t.aggregate, t.aggregate_id, t.tenant_id, t.type, t.data, t.happened_at,
      t.actor_id, t.access_id, t.correlation_id, t.causation_id, t.attempts
    from taken t order by t.seq;
end $$;
comment on function identity.take_facts is
  'Takes facts that wait for the event log, each for one caller for p_lease_seconds seconds of lease time, in their order.
  Facts that could not be appended are taken again after that time, and do not delay those of other sessions and users.';

create function identity.delete_facts(p_seqs bigint[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.facts where seq = any (p_seqs);
$$;
comment on function identity.delete_facts is 'Deletes facts that are in the event log.';

create function identity.waiting_facts() returns table (facts bigint, oldest_seconds double precision)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*), coalesce(extract(epoch from now() - min(happened_at)), 0)::double precision from identity.facts;
$$;
comment on function identity.waiting_facts is 'How many facts wait for the event log, and the age of the oldest.';

revoke all on function identity.set_cause, identity.add_fact, identity.add_session_fact, identity.count_failed_sign_in,
  identity.take_facts, identity.delete_facts, identity.waiting_facts from public;
grant execute on function identity.count_failed_sign_in to {{app}};
grant execute on function identity.take_facts, identity.delete_facts, identity.waiting_facts to {{projector}};
