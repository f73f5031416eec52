create schema erasing;
comment on schema erasing is
  'Erasures of closed tenants that are in progress. They are stored outside of the read models, so that an interrupted
  erasure is completed even if the event that closed the tenant is already deleted.';

create table erasing.erasures (
  tenant_id  uuid        not null primary key,
  head       numeric(20) not null,
  begun_at   timestamptz not null default now(),
  deleted_at timestamptz,
  attempt    integer     not null default 0
);
comment on table erasing.erasures is 'One row for each erasure that is not complete.';
comment on column erasing.erasures.head is
  'position of the last event of the log when the erasure began or when the events were deleted: the tenant has no later
  event';
comment on column erasing.erasures.deleted_at is 'when the events were deleted: later appends are refused';
comment on column erasing.erasures.attempt is 'fencing token, raised by each worker that begins an attempt';

alter table erasing.erasures enable row level security;
alter table erasing.erasures force row level security;
create policy projector_works on erasing.erasures to {{projector}} using (true) with check (true);
create policy operator_reads on erasing.erasures for select to {{operator}} using (true);

grant usage on schema erasing to {{projector}}, {{operator}};
grant select, insert, delete, update (head, deleted_at, attempt) on erasing.erasures to {{projector}};
grant select on erasing.erasures to {{operator}};
