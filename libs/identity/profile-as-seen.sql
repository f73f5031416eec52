-- Changes what is not null; where a name and address are given as seen, only while they are still those. The function
-- before it stays for processes that are older.
create function identity.change_profile(
  p_person_id uuid, p_name text, p_email text, p_email_key text, p_seen_name text, p_seen_email text
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.persons set name = coalesce(p_name, name), email = coalesce(p_email, email),
    email_key = coalesce(p_email_key, email_key)
  where id = p_person_id and state = 'active'
    and (p_seen_name is null or (name = p_seen_name and email = p_seen_email));
  if found then
    return 'changed';
  end if;
  perform from identity.persons where id = p_person_id and state = 'active';
  return case when found then 'stale' else 'gone' end;
exception when unique_violation then
  return 'taken';
end $$;

revoke all on function identity.change_profile(uuid, text, text, text, text, text) from public;
grant execute on function identity.change_profile(uuid, text, text, text, text, text) to {{app}};
