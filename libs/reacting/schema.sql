-- How far each reaction has answered the log, and which events it could not answer. None of it belongs to a tenant.
create schema reacting;

-- One worker at a time is at a reaction. A lease and not a lock: a worker that went silent is replaced when it runs out.
create table reacting.checkpoints (
  reaction     text        not null primary key,
  position     numeric(20) not null default 0,   -- everything up to here was answered
  holder       uuid        not null,             -- of the lease
  leased_until timestamptz not null,
  moved_at     timestamptz not null default now()
);

-- Events that were answered with a failure again and again. All others go on.
create table reacting.parked (
  reaction     text        not null references reacting.checkpoints on delete cascade,
  event_id     uuid        not null,
  event_type   text        not null,
  position     numeric(20) not null,
  lane         uuid        not null,               -- the tenant, or the person
  outside      boolean     not null,               -- the lane is a person's stream
  aggregate    text        not null,               -- and the two after it: the event's place in its stream
  aggregate_id uuid        not null,
  version      integer     not null,
  error        text        not null,
  attempts     integer     not null,
  retry        boolean     not null default false, -- an operator asks for another attempt
  parked_at    timestamptz not null default now(),
  primary key (reaction, event_id)
);

grant usage on schema reacting to {{projector}}, {{operator}};
grant select, insert, update, delete on all tables in schema reacting to {{projector}};
grant select on all tables in schema reacting to {{operator}};
