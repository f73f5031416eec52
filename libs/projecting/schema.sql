-- What the projection engine keeps about each projection. None of it belongs to a tenant.
create schema projecting;

create table projecting.checkpoints (
  projection text        not null primary key,
  version    integer     not null,            -- of the projection's code; another one there asks for a rebuild
  position   numeric(20) not null default 0,  -- everything up to here is in the read model
  epoch      integer     not null default 0,  -- raised by whatever a running worker must notice
  state      text        not null default 'running' check (state in ('running', 'paused')),
  moved_at   timestamptz not null default now()
);

-- Events that a handler refused. The lane (a tenant, or a person outside tenants) stands still from there on for this
-- projection; all other lanes go on.
create table projecting.parked (
  projection text        not null references projecting.checkpoints on delete cascade,
  lane       uuid        not null,
  outside    boolean     not null,            -- the lane is a person's stream
  aggregate  text        not null,
  position   numeric(20) not null,
  event_type text        not null,
  error      text        not null,
  attempts   integer     not null default 1,
  parked_at  timestamptz not null default now(),
  primary key (projection, lane)
);

create table projecting.rebuilds (
  id          uuid        not null primary key,
  projection  text        not null references projecting.checkpoints on delete cascade,
  state       text        not null default 'requested'
    check (state in ('requested', 'loading', 'catching-up', 'done', 'failed')),
  position    numeric(20) not null default 0,
  target      numeric(20) not null default 0,
  events      bigint      not null default 0,
  error       text,
  requested_at timestamptz not null default now(),
  started_at  timestamptz,
  finished_at timestamptz
);
create unique index rebuilds_open_idx on projecting.rebuilds (projection) where state in ('requested', 'loading', 'catching-up');

grant usage on schema projecting to {{app}}, {{projector}}, {{operator}};
grant select on projecting.checkpoints to {{app}};
grant select, insert, update, delete on all tables in schema projecting to {{projector}};
grant select on all tables in schema projecting to {{operator}};
