create schema reacting;
comment on schema reacting is
  'How far each reaction has answered the log, and which events it could not answer. None of it belongs to a tenant.';

create table reacting.checkpoints (
  reaction     text        not null primary key,
  position     numeric(20) not null default 0,
  holder       uuid        not null,
  leased_until timestamptz not null,
  moved_at     timestamptz not null default now(),
  mark         event_log.mark
);
comment on table reacting.checkpoints is
  'One worker at a time runs a reaction, by a lease and not by a lock: a worker that stops answering is replaced when its
  lease ends.';
comment on column reacting.checkpoints.position is 'everything up to here was answered or set aside';
comment on column reacting.checkpoints.holder is 'fencing token: drawn anew by each claim, and checked by each write';
comment on column reacting.checkpoints.leased_until is 'in lease time';
comment on column reacting.checkpoints.mark is 'the event at the position, or the last one before it. Null: not known';

create table reacting.parked (
  reaction     text        not null references reacting.checkpoints on delete cascade,
  event_id     uuid        not null,
  event_type   text        not null,
  position     numeric(20) not null,
  partition         uuid        not null,
  outside      boolean     not null,
  aggregate    text        not null,
  aggregate_id uuid        not null,
  version      integer     not null,
  error        text        not null,
  attempts     integer     not null,
  retry        boolean     not null default false,
  parked_at    timestamptz not null default now(),
  waiting      boolean     not null default false,
  primary key (reaction, event_id)
);
comment on table reacting.parked is 'Events that are set aside. The events of other tenants go on.';
comment on column reacting.parked.partition is 'the tenant, or the user';
comment on column reacting.parked.outside is 'the partition is a user''s stream';
comment on column reacting.parked.aggregate is 'with aggregate_id and version: the event''s place in its stream';
comment on column reacting.parked.retry is 'an operator asks for another attempt';
comment on column reacting.parked.waiting is
  'true: the worker answers it by itself, in the order of the tenant''s events. False: parked, and waits for an operator';
create index parked_waiting_idx on reacting.parked (reaction, partition, position) where waiting;

grant usage on schema reacting to {{projector}}, {{operator}};
grant select, insert, update, delete on all tables in schema reacting to {{projector}};
grant select on all tables in schema reacting to {{operator}};
