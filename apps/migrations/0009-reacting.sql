create schema reacting;
comment on schema reacting is
  'The checkpoints of reactions, and the events that they have set aside or parked.';

create table reacting.checkpoints (
  reaction     text        not null primary key,
  position     numeric(20) not null default 0,
  holder       uuid        not null,
  leased_until timestamptz not null,
  moved_at     timestamptz not null default now(),
  mark         event_log.mark
);
comment on table reacting.checkpoints is
  'The checkpoint of each reaction. One worker at a time runs a reaction, under a lease and not under a lock: if it
  stops responding, another worker takes over when its lease ends.';
comment on column reacting.checkpoints.position is 'all events up to this position were processed or set aside';
comment on column reacting.checkpoints.holder is 'fencing token: each claim writes a new one, and each write checks it';
comment on column reacting.checkpoints.leased_until is 'in lease time';
comment on column reacting.checkpoints.mark is
  'the event at the position, or the last event before it; null: not known';

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
comment on table reacting.parked is
  'Events that were set aside or parked, while the checkpoint advances and the events of other partitions are
  processed.';
comment on column reacting.parked.partition is 'the tenant, or the user';
comment on column reacting.parked.outside is 'true: the partition is the stream of a user, outside of all tenants';
comment on column reacting.parked.aggregate is 'with aggregate_id and version: where the event is in the log';
comment on column reacting.parked.retry is 'an operator has requested another attempt';
comment on column reacting.parked.waiting is
  'true: set aside, the worker processes it by itself in the order of the partition; false: parked, it waits for an
  operator';
create index parked_waiting_idx on reacting.parked (reaction, partition, position) where waiting;

grant usage on schema reacting to {{projector}}, {{operator}};
grant select, insert, update, delete on all tables in schema reacting to {{projector}};
grant select on all tables in schema reacting to {{operator}};
