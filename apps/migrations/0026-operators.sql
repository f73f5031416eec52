-- Operators: people who run the product. They belong to no tenant. What they do is recorded by way of identity.facts.

create table identity.operators (
  id         uuid        not null primary key,
  name       text        not null check (name ~ '^[A-Za-z0-9_.@+-]{1,100}$'),
  added_at   timestamptz not null default now(),
  removed_at timestamptz
);
comment on table identity.operators is 'Everyone who is or was an operator. An operator who is added again has a new id.';
comment on column identity.operators.removed_at is 'null: an operator now';
create unique index operators_name_key on identity.operators (lower(name)) where removed_at is null;

alter table identity.operators enable row level security;
alter table identity.operators force row level security;
create policy owner_all on identity.operators to current_user using (true) with check (true);

create function identity.is_operator(p_id uuid) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp as $$
  -- The lock makes a removal wait until the transaction that uses the right has ended.
  select exists (select from identity.operators o where o.id = p_id and o.removed_at is null for share);
$$;
comment on function identity.is_operator is 'Whether an operator was not removed. Holds until the transaction ends.';

create function identity.add_operator(p_id uuid, p_name text, p_by uuid, p_reason text, p_cause jsonb) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Two calls at once must not both add the first operator.
  lock table identity.operators in share row exclusive mode;
  if exists (select from identity.operators o where lower(o.name) = lower(p_name) and o.removed_at is null) then
    return 'exists';
  end if;
  if not identity.is_operator(p_by) and exists (select from identity.operators o where o.removed_at is null) then
    return 'forbidden';
  end if;
  insert into identity.operators (id, name) values (p_id, p_name);
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', p_id, null, 'OperatorAdded',
    jsonb_build_object('name', p_name, 'reason', p_reason), now(), coalesce(p_by, p_id), null);
  return 'added';
end $$;
comment on function identity.add_operator is
  'Adds an operator. p_by is the operator who adds; it may be null only while there is no operator, who then adds
  themselves. Returns added, exists (the name is taken) or forbidden (p_by is no operator).';

create function identity.remove_operator(p_name text, p_by uuid, p_reason text, p_cause jsonb) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id uuid;
begin
  lock table identity.operators in share row exclusive mode;
  if not identity.is_operator(p_by) then
    return 'forbidden';
  end if;
  update identity.operators o set removed_at = now()
  where lower(o.name) = lower(p_name) and o.removed_at is null returning o.id into v_id;
  if not found then
    return 'unknown';
  end if;
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', v_id, null, 'OperatorRemoved',
    jsonb_build_object('reason', p_reason), now(), p_by, null);
  return 'removed';
end $$;
comment on function identity.remove_operator is
  'Removes an operator, whose tokens are refused from then on. Returns removed, unknown (no operator has the name) or
  forbidden (p_by is no operator).';

create function identity.issue_operator_token(p_id uuid, p_token_id uuid, p_expires_at timestamptz, p_cause jsonb)
returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not identity.is_operator(p_id) then
    return false;
  end if;
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', p_id, null, 'OperatorTokenIssued',
    jsonb_build_object('tokenId', p_token_id, 'expiresAt', p_expires_at), now(), p_id, null);
  return true;
end $$;
comment on function identity.issue_operator_token is
  'Records that a token for an operator is made. Returns false if there is no such operator.';

create function identity.record_operator_action(
  p_id uuid, p_action text, p_target text, p_tenant_id uuid, p_reason text, p_cause jsonb
) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not identity.is_operator(p_id) then
    return false;
  end if;
  perform identity.set_cause(p_cause);
  perform identity.add_fact('operators', p_id, null, 'OperatorActed',
    jsonb_build_object('action', p_action, 'target', p_target, 'tenantId', p_tenant_id, 'reason', p_reason), now(), p_id,
    null);
  return true;
end $$;
comment on function identity.record_operator_action is
  'Records what an operator is about to do. Returns false if there is no such operator, who may not do it.';

create function identity.find_operator(p_id uuid, p_name text) returns table (id uuid, name text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.id, o.name from identity.operators o
  where o.removed_at is null and (o.id = p_id or lower(o.name) = lower(p_name));
$$;
comment on function identity.find_operator is 'The operator with this id or name, who was not removed. Give one of the two.';

create function identity.list_operators()
returns table (id uuid, name text, added_at timestamptz, removed_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.id, o.name, o.added_at, o.removed_at from identity.operators o order by o.added_at, o.id;
$$;
comment on function identity.list_operators is 'Everyone who is or was an operator, in the order in which they were added.';

revoke all on function identity.is_operator, identity.add_operator, identity.remove_operator,
  identity.issue_operator_token, identity.record_operator_action, identity.find_operator, identity.list_operators
  from public;
grant execute on function identity.add_operator, identity.remove_operator, identity.issue_operator_token,
  identity.list_operators to {{operator}};
grant execute on function identity.record_operator_action, identity.find_operator to {{operator}}, {{projector}};
