create schema bullmq;
comment on schema bullmq is
  'The job queues. BullMQ creates its tables and functions by itself (libs/platform/jobs/schema.ts). The role of jobs
  may create nothing here, because at the next upgrade the owner would run it: the schema is on the search path then.';
grant usage on schema bullmq to {{jobs}};
