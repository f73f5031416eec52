import {
  flag,
  integer,
  key,
  oneOf,
  optionalText,
  origins,
  pairs,
  proxies,
  publicUrl,
  secretText,
  secretTexts,
  serviceUrl,
  text,
} from './kinds';

const MANY = 1_000_000_000;

/**
 * Every setting of the product, by topic. `.env.example` and the errors for invalid settings are made from this table.
 */
export const TOPICS = {
  Process: {
    ROLE: oneOf(['all', 'api', 'worker'], 'all', {
      description:
        'What this process runs: all = the HTTP API and the background work, api = only the HTTP API, worker = only the background work. api and worker require DATABASE_URL.',
    }),
    NODE_ENV: oneOf(['development', 'production', 'test'], 'development', {
      description:
        'The kind of environment. With production, SECRET_KEY (or SECRET_KEY_FILE) is required as soon as DATABASE_URL is set, and nothing can be bought without STRIPE_SECRET_KEY.',
      example: 'production',
    }),
    ROLLBACK_WAIT_SECONDS: integer(30, 6, 3_600, {
      description:
        'Seconds. After a rollback, workers of this release change the read models back to their own version once no process of a newer release has run for this long. It must be longer than a restart of all processes takes.',
    }),
  },
  Network: {
    HOST: text('127.0.0.1', /^[A-Za-z0-9.:_-]+$/, 'a host name or address', {
      description: 'The address on which the HTTP server listens. 0.0.0.0 means all IPv4 addresses of the machine.',
    }),
    PORT: integer(3000, 0, 65_535, {
      description: 'The port of the HTTP API. 0: a free port is chosen and printed at the start.',
    }),
    WORKER_PORT: integer(3002, 0, 65_535, {
      description:
        'The port on which a process with ROLE=worker serves /healthz, /readyz and /metrics. Workers on the same machine need different ports. 0: a free port is chosen and printed at the start.',
    }),
    PUBLIC_URL: publicUrl({
      description:
        'The URL under which clients reach the API. It is used for links in answers. Unset: the address and port of the HTTP server.',
      example: 'https://api.example.com',
    }),
    TRUST_PROXY: proxies({
      description:
        'The proxies whose X-Forwarded-For header is trusted: false for none, the number of proxies in front of this process (at most 32), or their addresses and ranges, separated by commas. loopback, linklocal and uniquelocal name the usual ranges.',
      example: '10.0.0.0/8,loopback',
    }),
    CORS_ORIGINS: origins({
      description:
        'The origins of the browser applications that may call the API, separated by commas. Unset: no other origin may call it.',
      example: 'https://app.example.com',
    }),
  },
  Data: {
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
  },
  Secrets: {
    SECRET_KEY: key({
      description:
        'The key from which all other keys are derived: 32 bytes in base64, for example from `openssl rand -base64 32`. Every process needs the same key. Unset (and SECRET_KEY_FILE, too): a key is generated and stored in DATA_DIR.',
      example: 'c2VlIG9wZW5zc2wgcmFuZCAtYmFzZTY0IDMyIQAAAAA=',
    }),
    SECRET_KEY_FILE: optionalText({
      description:
        'A file that contains the secret key, for platforms that mount secrets as files. Do not set SECRET_KEY as well.',
      example: '/run/secrets/tenantry_key',
    }),
    ACCESS_TOKEN_TTL_SECONDS: integer(900, 60, 86_400, { description: 'Seconds for which an access token is valid.' }),
    REFRESH_TOKEN_TTL_DAYS: integer(30, 1, 365, {
      description: 'Days after which a session ends if its refresh token was not used.',
    }),
    PASSWORD_HASH_CONCURRENCY: integer(2, 1, 64, {
      description:
        'The number of passwords that this process hashes at the same time. Each needs 19 MiB of memory and one CPU core for about 30 ms.',
    }),
  },
  Limits: {
    SIGNUP_RATE_PER_HOUR: integer(60, 1, MANY, { description: 'Sign-ups per hour from one client address.' }),
    SIGNIN_RATE_PER_MINUTE: integer(60, 1, MANY, {
      description: 'Attempts to sign in per minute from one client address.',
    }),
    JOIN_RATE_PER_MINUTE: integer(60, 1, MANY, {
      description: 'Previews and acceptances of invitations per minute from one client address.',
    }),
    SIGNIN_ACCOUNT_RATE_PER_MINUTE: integer(10, 1, MANY, {
      description: 'Wrong passwords per minute for one user from one network.',
    }),
    SIGNIN_ACCOUNT_TOTAL_RATE_PER_MINUTE: integer(100, 1, MANY, {
      description:
        'Wrong passwords per minute for one user from all networks together. Networks from which the user has signed in before are not counted.',
    }),
    EMAIL_CHANGE_RATE_PER_HOUR: integer(10, 1, MANY, {
      description:
        'E-mail addresses per hour to which one user may try to change. Each answer reveals whether an account has the address.',
    }),
    API_RATE_PER_MINUTE: integer(6_000, 1, MANY, {
      description:
        'Requests per minute of one tenant (all members together). The same limit applies to each user outside of a tenant, and to each client address without a token.',
    }),
    REQUEST_TIMEOUT_MS: integer(10_000, 100, 600_000, { description: 'Milliseconds that a request may take.' }),
    CONSISTENCY_WAIT_MS: integer(2_000, 0, 60_000, {
      description:
        'The maximum number of milliseconds that the answer to a write waits until the read models include the write.',
    }),
    AUTHORITY_GRACE_SECONDS: integer(10, 0, 300, {
      description:
        'A membership is cached for one second. While the event log is not available, reads (GET, HEAD) are admitted with the cached membership for this many more seconds; writes are answered with 503. 0: reads are answered with 503 as well.',
    }),
    TENANT_RETENTION_DAYS: integer(30, 0, 3_650, {
      description: 'Days after which the data of a closed tenant is erased.',
    }),
    AUDIT_ACCESS_RETENTION_DAYS: integer(400, 1, 36_500, {
      description:
        'Days after the last use of a session, key or token from an address until that address and its user agent are erased. The history then still says which credential was used.',
    }),
    PLANS: oneOf(['catalogue', 'none'], 'catalogue', {
      description:
        'catalogue: the plans limit what a tenant can use. none: there are no limits, for an installation that one tenant runs for itself.',
      example: 'none',
    }),
    INVITATIONS_HOLD_SEATS: flag(false, {
      description:
        'true: each unused place of an open invitation reserves a seat of the plan. false: a seat is needed only when a user joins.',
    }),
    SHUTDOWN_GRACE_MS: integer(10_000, 0, 600_000, {
      description: 'Milliseconds after SIGTERM in which requests and jobs in progress may finish.',
    }),
    SHUTDOWN_NOTICE_MS: integer(0, 0, 600_000, {
      description:
        'Milliseconds after SIGTERM in which /readyz answers 503 and all other requests are still served, so that a load balancer stops sending requests before the shutdown begins. Set it to the time after which the load balancer notices, for example 5000 on Kubernetes.',
      example: '5000',
    }),
  },
  Billing: {
    STRIPE_SECRET_KEY: secretText(/^(sk|rk)_(test|live)_\w+$/, 'a secret key of Stripe: sk_test_…, sk_live_… or rk_…', {
      description:
        'The secret key of Stripe. Unset: the built-in Stripe simulator is used and no money moves. With NODE_ENV=production the simulator is not used, and nothing can be bought.',
      example: 'sk_test_51PqYQd2eZvKYlo2C',
    }),
    STRIPE_WEBHOOK_SECRETS: secretTexts(/^whsec_\S{8,}$/, 'secrets that begin with whsec_', {
      description:
        'The signing secrets of the Stripe webhook, separated by commas. They are required with STRIPE_SECRET_KEY. While a secret is being replaced, set the old and the new one.',
      example: 'whsec_9a8b7c6d5e4f',
    }),
    STRIPE_API_URL: publicUrl({
      description: 'The URL of a proxy or of a Stripe simulator to call in place of https://api.stripe.com.',
      example: 'http://127.0.0.1:3001',
    }),
    STRIPE_SIM_PORT: integer(3001, 0, 65_535, {
      description:
        'The port of the built-in Stripe simulator, which runs while STRIPE_SECRET_KEY and STRIPE_API_URL are unset.',
    }),
    BILLING_RETURN_ORIGINS: origins({
      description:
        'The origins to which the checkout and portal pages of Stripe may send the user back, separated by commas. Unset: the origins of PUBLIC_URL and CORS_ORIGINS.',
      example: 'https://app.example.com',
    }),
    STRIPE_PRICES: pairs({
      description:
        'The price ids at Stripe for the price ids of the plan catalogue, as `<catalogue id>=<Stripe id>`, separated by commas.',
      example: 'price_tenantry_pro_v1=price_1PqYQd2eZvKYlo2C',
    }),
  },
  'Logs and metrics': {
    LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', {
      description: 'The lowest level of the log lines that are written.',
    }),
    LOG_FORMAT: oneOf(['auto', 'json', 'pretty'], 'auto', {
      description:
        'json: one JSON object per line. pretty: lines for humans. auto: pretty on a terminal, otherwise json.',
      example: 'json',
    }),
    METRICS: flag(true, { description: 'true: GET /metrics serves the metrics of this process for Prometheus.' }),
    METRICS_TOKEN: secretText(/^[\x21-\x7e]{16,200}$/, '16 to 200 printable ASCII characters without spaces', {
      description:
        'The token that Prometheus sends as Authorization: Bearer …. With NODE_ENV=production, GET /metrics is served only if it is set.',
      example: 'a-long-random-text-of-your-own',
    }),
  },
} as const;

export const TABLE = {
  ...TOPICS['Process'],
  ...TOPICS['Network'],
  ...TOPICS['Data'],
  ...TOPICS.Secrets,
  ...TOPICS.Limits,
  ...TOPICS.Billing,
  ...TOPICS['Logs and metrics'],
};
