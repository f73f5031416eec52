-- Why a lane stands still: an event was refused, or it is of a newer release than the worker that met it. Workers retry
-- the latter by themselves, and read from here which event types and schema versions are waited for.
alter table projecting.parked
  add column kind           text    not null default 'refused' check (kind in ('refused', 'newer-release')),
  add column schema_version integer not null default 1;

-- Events that an operator has skipped: every later fold leaves them out, a rebuild's too.
create table projecting.skipped (
  projection text        not null references projecting.checkpoints on delete cascade,
  event_id   uuid        not null,
  lane       uuid        not null,
  event_type text        not null,
  position   numeric(20) not null,
  error      text        not null,            -- what was said of it when it was skipped
  skipped_by text        not null,            -- the operator's account on the machine
  skipped_at timestamptz not null default now(),
  primary key (projection, event_id)
);

-- Every event type and schema version that a release has been able to write here, so that a release that does not know
-- one can say so when it starts, without looking through the log.
create table projecting.event_types (
  type           text        not null,
  schema_version integer     not null,
  first_seen_at  timestamptz not null default now(),
  primary key (type, schema_version)
);

grant select, insert, delete on projecting.skipped to {{projector}};
grant select, insert on projecting.event_types to {{projector}};
grant select on projecting.skipped, projecting.event_types to {{operator}};
