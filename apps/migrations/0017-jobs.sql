create schema bullmq;
comment on schema bullmq is
  'The transport of jobs. BullMQ makes its tables and functions itself (libs/platform/jobs/schema.ts). The role may not
  create anything here: the owner would meet it on the search path at the next upgrade.';
grant usage on schema bullmq to {{jobs}};
