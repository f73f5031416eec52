-- Erasures of closed companies under way: kept outside the read models, so that one that was cut off is completed even
-- where the fact that the company was closed is erased already.
create schema erasing;

create table erasing.erasures (
  tenant_id uuid        not null primary key,
  head      numeric(20) not null,  -- of the log when it began: nothing of the company lies behind it
  begun_at  timestamptz not null default now()
);

alter table erasing.erasures enable row level security;
alter table erasing.erasures force row level security;
create policy projector_works on erasing.erasures to {{projector}} using (true) with check (true);
create policy operator_reads on erasing.erasures for select to {{operator}} using (true);

grant usage on schema erasing to {{projector}}, {{operator}};
grant select, insert, delete on erasing.erasures to {{projector}};
grant select on erasing.erasures to {{operator}};

-- What is kept of a company beside its events and its read models. The people who belonged to it stay: they are nobody's
-- property, and may belong elsewhere.
create function erasing.erase_rows(p_tenant_id uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if p_tenant_id is null then
    raise exception 'a tenant must be named' using errcode = '22004';
  end if;
  delete from identity.sessions where tenant_id = p_tenant_id;
  -- A repeat of the sign-up must not found the company again.
  delete from identity.sign_ups where tenant_id = p_tenant_id;
  delete from idempotency.keys where tenant_id = p_tenant_id;
  delete from event_log.snapshots where tenant_id = p_tenant_id;
end $$;

revoke all on function erasing.erase_rows from public;
grant execute on function erasing.erase_rows to {{projector}};
