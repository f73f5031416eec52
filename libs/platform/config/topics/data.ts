import { flag, integer, serviceUrl, text } from '../kinds';

/** The settings of the topic "Data". */
export const DATA = {
  DATA_DIR: text('.data', /^[^\0]+$/, 'a folder', {
    description: 'The folder for the data of the embedded PostgreSQL and for the generated secret key.',
  }),
  DATABASE_URL: serviceUrl(['postgres', 'postgresql'], {
    description:
      'The URL of a PostgreSQL server, version 15 or later, to use in place of the embedded one. Its user must own the database and have the right CREATEROLE, because Tenantry creates roles and logs in as them.',
    example: 'postgres://owner:secret@127.0.0.1:5432/tenantry',
  }),
  DATABASE_DIRECT_URL: serviceUrl(['postgres', 'postgresql'], {
    description:
      'The URL of PostgreSQL itself. It is required if DATABASE_URL leads to a pooler in transaction mode, such as PgBouncer, and is used for locks, LISTEN, COPY and migrations. Its user must own the database.',
    example: 'postgres://owner:secret@127.0.0.1:5432/tenantry',
  }),
  DATABASE_POOLER_PREPARED_STATEMENTS: flag(false, {
    description:
      'Only with a pooler in DATABASE_URL. true: the pooler keeps prepared statements for its clients (PgBouncer 1.21 or later with max_prepared_statements above 0). false: PostgreSQL parses every statement each time.',
    example: 'true',
  }),
  DATABASE_ROLE_PREFIX: text(
    'tenantry',
    /^[a-z][a-z0-9_]{0,39}$/,
    'a letter followed by at most 39 letters (a-z), digits or _',
    {
      description:
        'The prefix of the names of the database roles. Two installations on one PostgreSQL server need different prefixes.',
    },
  ),
  DATABASE_POOL_SIZE: integer(10, 1, 500, {
    description:
      'The maximum number of database connections for the requests of this process. The process opens up to 30 more for the event log, jobs and other background work; docs/postgresql.md counts them.',
  }),
  MIGRATE_ON_START: flag(true, {
    description:
      'true: each start applies the missing database migrations. false: the start fails while migrations are missing, until `tenantry migrate` has applied them.',
  }),
  EVENTSTORE_URL: serviceUrl(['esdb', 'esdb+discover'], {
    description:
      'The connection string of an EventStoreDB cluster that stores the event log. Unset: PostgreSQL stores it.',
    example: 'esdb://127.0.0.1:2113?tls=false',
  }),
  REDIS_URL: serviceUrl(['redis', 'rediss'], {
    description:
      'The URL of a Redis server that counts rate limits for all processes together and holds the job queues. Unset: each process counts its own requests, and PostgreSQL holds the job queues.',
    example: 'redis://127.0.0.1:6379',
  }),
} as const;
