-- Somebody who belongs to no company signs in too: for what is about the person, and to found a company.
alter table identity.sessions alter column tenant_id drop not null;

create or replace function identity.open_session(
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
      where id = p_session_id and person_id = p_person_id and tenant_id is not distinct from p_tenant_id
        and ended_at is null for update;
    if not found then
      return false;
    end if;
    delete from identity.refresh_tokens where session_id = p_session_id and used_at is null;
  end if;
  insert into identity.refresh_tokens (token_hash, session_id) values (p_token_hash, p_session_id);
  return true;
end $$;

-- The company used last, whatever they did in none since.
create or replace function identity.find_credentials(p_email_key text, p_network bytea)
returns table (person_id uuid, password_hash text, last_tenant_id uuid, familiar boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.password_hash,
    (select s.tenant_id from identity.sessions s where s.person_id = p.id and s.tenant_id is not null
     order by s.last_used_at desc limit 1),
    exists (select from identity.sessions s where s.person_id = p.id and s.network = p_network)
  from identity.persons p where p.email_key = p_email_key and p.state = 'active';
$$;
