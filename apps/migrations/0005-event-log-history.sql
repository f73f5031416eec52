-- The functions that change the identity of the log and its sequence of positions, and that erase tenants from it.

create function event_log.begin_epoch(p_seen integer) returns setof event_log.identity
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update event_log.identity set epoch = epoch + 1, epoch_began_at = now() where epoch = p_seen;
  return query select * from event_log.identity;
end $$;
comment on function event_log.begin_epoch is
  'Called when an event that a process has seen is missing from the log. Raises the epoch only if it is still the one
  that the caller has seen (p_seen), so once for all processes that notice at the same time. Returns the present
  identity.';

create function event_log.raise_positions() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  head bigint;
begin
  perform pg_advisory_xact_lock(7301946);
  head := (select max(position) from event_log.events);
  if head > (select last_value - (not is_called)::integer from event_log.positions) then
    perform setval('event_log.positions', head);
    return head;
  end if;
  return null;
end $$;
comment on function event_log.raise_positions is
  'Raises the sequence of positions to the last event, if a restore or an upgrade left it behind. Returns the position
  of that event, or null if the sequence was not behind.';

create function event_log.bury_tenant(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7301946);
  insert into event_log.erased_tenants (tenant_id) values (p_tenant_id) on conflict do nothing;
end $$;
comment on function event_log.bury_tenant is
  'Marks a tenant as erased, from the commit on. It acquires the lock of the appends: events that were written before
  are visible to the deletion that follows, and later appends see the mark and are refused.';

create function event_log.erase_tenant(p_tenant_id uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  erased bigint;
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from event_log.snapshots where tenant_id = p_tenant_id;
  delete from event_log.events where tenant_id = p_tenant_id;
  get diagnostics erased = row_count;
  return erased;
end
$$;
comment on function event_log.erase_tenant is
  'Deletes the events and snapshots of a tenant, and returns the number of events. Only the owner may delete events, so
  this function is the only way for the role of the log to do it.';

revoke all on function event_log.begin_epoch, event_log.raise_positions, event_log.bury_tenant, event_log.erase_tenant
  from public;
grant execute on function event_log.begin_epoch, event_log.raise_positions, event_log.bury_tenant,
  event_log.erase_tenant to {{log}};
