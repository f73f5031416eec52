-- The transport of jobs. Its tables and functions are BullMQ's own (schema.ts has them made and brought up to date);
-- this is where they go. The role has no right to create anything: whatever it could put here, the owner would meet
-- on its search path at the next upgrade.
create schema bullmq;
grant usage on schema bullmq to {{jobs}};
