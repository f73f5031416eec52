-- A reaction answers the events of different tenants at the same time. An event whose tenant is slow or fails is set aside,
-- so that the checkpoint, below which everything is answered or set aside, can go on.
comment on column reacting.checkpoints.position is 'everything up to here was answered or set aside';
comment on column reacting.checkpoints.holder is 'fencing token: drawn anew by each claim, and checked by each write';
comment on column reacting.checkpoints.leased_until is 'in lease time';

-- Set aside, and answered by the worker itself in the order of its tenant's events. False: parked, and waits for an operator.
alter table reacting.parked add column waiting boolean not null default false;
create index parked_waiting_idx on reacting.parked (reaction, lane, position) where waiting;
