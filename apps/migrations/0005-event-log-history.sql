-- What changes the log's identity, its positions and its tenants.

create function event_log.begin_epoch(p_seen integer) returns setof event_log.identity
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update event_log.identity set epoch = epoch + 1, epoch_began_at = now() where epoch = p_seen;
  return query select * from event_log.identity;
end $$;
comment on function event_log.begin_epoch is
  'Called when an event that a process had seen is not there any more. Raises the epoch once for all processes that find
  it at the same time: a caller that has seen an older epoch than the present one gets the present one.';

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
  'Raises the sequence of positions to the last event, if a restore or an upgrade left it behind. Returns the position of
  that event, or null where the sequence was not behind.';

create function event_log.bury_tenant(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(7301946);
  insert into event_log.erased_tenants (tenant_id) values (p_tenant_id) on conflict do nothing;
end $$;
comment on function event_log.bury_tenant is
  'Marks a tenant as erased, from the commit on. It takes the lock of the appends: events written before are there to be
  deleted, and later appends see the mark.';

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
  'Deletes the events and snapshots of a tenant. Only the owner may delete events; a job may ask for it through this
  function alone. Returns the number of events.';

revoke all on function event_log.begin_epoch, event_log.raise_positions, event_log.bury_tenant, event_log.erase_tenant
  from public;
grant execute on function event_log.begin_epoch, event_log.raise_positions, event_log.bury_tenant,
  event_log.erase_tenant to {{log}};
