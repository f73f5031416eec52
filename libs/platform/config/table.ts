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

/** Every setting of the product, by topic. `.env.example` and the messages at start are made of it. */
export const TOPICS = {
  Process: {
    ROLE: oneOf(['all', 'api', 'worker'], 'all', {
      description:
        'Work of this process: everything, only the HTTP API, or only the background work. Several processes need DATABASE_URL.',
    }),
    NODE_ENV: oneOf(['development', 'production', 'test'], 'development', {
      description: 'In production SECRET_KEY is required together with DATABASE_URL.',
      example: 'production',
    }),
    ROLLBACK_WAIT_SECONDS: integer(30, 6, 3_600, {
      description:
        'Workers of this release bring read models back to their own version when no process of a newer release has run for this long. It must be longer than a restart of all processes takes.',
    }),
  },
  Network: {
    HOST: text('127.0.0.1', /^[A-Za-z0-9.:_-]+$/, 'a host name or address', {
      description: 'The address to listen on. 0.0.0.0 is every address of the machine.',
    }),
    PORT: integer(3000, 0, 65_535, { description: 'The port to listen on. 0 chooses a free port and prints it.' }),
    WORKER_PORT: integer(3002, 0, 65_535, {
      description:
        'The port on which a process with ROLE=worker serves /healthz, /readyz and /metrics. Each process on one machine needs its own. 0 chooses a free port and prints it.',
    }),
    PUBLIC_URL: publicUrl({
      description:
        'The URL under which clients reach the API, for links in answers. Unset: the address that it listens on.',
      example: 'https://api.example.com',
    }),
    TRUST_PROXY: proxies({
      description:
        'Proxies whose X-Forwarded-For is trusted: false for none, the number of proxies, or their addresses and ranges, separated by commas.',
      example: '10.0.0.0/8,loopback',
    }),
    CORS_ORIGINS: origins({
      description: 'Origins of browser applications that may call the API, separated by commas. Unset: none.',
      example: 'https://app.example.com',
    }),
  },
  Data: {
    DATA_DIR: text('.data', /^[^\0]+$/, 'a folder', {
      description: 'The folder for the data of the embedded PostgreSQL and the generated secret key.',
    }),
    DATABASE_URL: serviceUrl(['postgres', 'postgresql'], {
      description:
        'PostgreSQL 15 or later, in place of the embedded one. The user must own the database and be allowed to create roles; Tenantry creates its own roles and runs under them.',
      example: 'postgres://owner:secret@127.0.0.1:5432/tenantry',
    }),
    DATABASE_DIRECT_URL: serviceUrl(['postgres', 'postgresql'], {
      description:
        'PostgreSQL itself, if DATABASE_URL points to a pooler in transaction mode. Used for locks, LISTEN, COPY and migrations. Its user must own the database.',
      example: 'postgres://owner:secret@127.0.0.1:5432/tenantry',
    }),
    DATABASE_POOLER_PREPARED_STATEMENTS: flag(false, {
      description:
        'true: the pooler of DATABASE_URL keeps prepared statements for its clients (PgBouncer 1.21 or later with max_prepared_statements above 0). false: behind a pooler, each statement is parsed each time.',
      example: 'true',
    }),
    DATABASE_ROLE_PREFIX: text('tenantry', /^[a-z][a-z0-9_]{0,39}$/, 'up to 40 of a-z, 0-9 and _, a letter first', {
      description:
        'Prefix of the names of the database roles. Two installations on one PostgreSQL server need different prefixes.',
    }),
    DATABASE_POOL_SIZE: integer(10, 1, 500, {
      description:
        'Maximum number of connections for the requests of this process. About 18 more are used for the log, jobs and wake-ups.',
    }),
    MIGRATE_ON_START: flag(true, {
      description: 'Apply database migrations at start. false: refuse to start while migrations are missing.',
    }),
    EVENTSTORE_URL: serviceUrl(['esdb', 'esdb+discover'], {
      description: 'An EventStoreDB cluster for the event log, in place of PostgreSQL.',
      example: 'esdb://127.0.0.1:2113?tls=false',
    }),
    REDIS_URL: serviceUrl(['redis', 'rediss'], {
      description:
        'A Redis that counts rate limits for all processes and carries jobs. Unset: each process counts its own requests, and PostgreSQL carries jobs.',
      example: 'redis://127.0.0.1:6379',
    }),
  },
  Secrets: {
    SECRET_KEY: key({
      description:
        'The key from which all other keys are derived: 32 bytes in base64, made by `openssl rand -base64 32`. It must be the same for every process. Unset: generated and stored in DATA_DIR.',
      example: 'c2VlIG9wZW5zc2wgcmFuZCAtYmFzZTY0IDMyIQAAAAA=',
    }),
    SECRET_KEY_FILE: optionalText({
      description: 'A file that contains SECRET_KEY, for container platforms that mount secrets.',
      example: '/run/secrets/tenantry_key',
    }),
    ACCESS_TOKEN_TTL_SECONDS: integer(900, 60, 86_400, { description: 'Lifetime of an access token.' }),
    REFRESH_TOKEN_TTL_DAYS: integer(30, 1, 365, { description: 'How long a session stays valid without being used.' }),
    PASSWORD_HASH_CONCURRENCY: integer(2, 1, 64, {
      description: 'Number of passwords hashed at the same time. Each needs 19 MiB and one core for about 30 ms.',
    }),
  },
  Limits: {
    SIGNUP_RATE_PER_HOUR: integer(60, 1, MANY, { description: 'Sign-ups from one address.' }),
    SIGNIN_RATE_PER_MINUTE: integer(60, 1, MANY, { description: 'Attempts to sign in from one address.' }),
    JOIN_RATE_PER_MINUTE: integer(60, 1, MANY, {
      description: 'Previews and acceptances of invitations from one address.',
    }),
    SIGNIN_ACCOUNT_RATE_PER_MINUTE: integer(10, 1, MANY, {
      description: 'Wrong passwords for one account from one network.',
    }),
    SIGNIN_ACCOUNT_TOTAL_RATE_PER_MINUTE: integer(100, 1, MANY, {
      description:
        'Wrong passwords for one account from all networks together. Networks from which the user has signed in before are not counted.',
    }),
    API_RATE_PER_MINUTE: integer(6_000, 1, MANY, {
      description:
        'Requests of one tenant (all members together). The same limit applies to one user outside a tenant, and to one client address without a token.',
    }),
    REQUEST_TIMEOUT_MS: integer(10_000, 100, 600_000, { description: 'How long a request may take.' }),
    CONSISTENCY_WAIT_MS: integer(2_000, 0, 60_000, {
      description: 'How long the answer to a write waits until the read models include it.',
    }),
    AUTHORITY_GRACE_SECONDS: integer(10, 0, 300, {
      description:
        'While the event log is not available, reads (GET, HEAD) are admitted with a cached membership for this long after the usual second. Writes answer 503. 0: reads answer 503 as well.',
    }),
    TENANT_RETENTION_DAYS: integer(30, 0, 3_650, {
      description: 'How long the data of a closed tenant is kept before it is erased.',
    }),
    PLANS: oneOf(['catalogue', 'none'], 'catalogue', {
      description: 'none: there are no plan limits, for an installation that one tenant runs for itself.',
      example: 'none',
    }),
    INVITATIONS_HOLD_SEATS: flag(false, {
      description: 'true: each unused place of an open invitation reserves a seat.',
    }),
    SHUTDOWN_GRACE_MS: integer(10_000, 0, 600_000, {
      description: 'How long requests and jobs in progress may take after SIGTERM.',
    }),
    SHUTDOWN_NOTICE_MS: integer(0, 0, 600_000, {
      description:
        'How long /readyz answers 503 after SIGTERM while everything else is served as before, so that a load balancer notices. Set it to the time that its probes need, for example 5000 on Kubernetes.',
      example: '5000',
    }),
  },
  Billing: {
    STRIPE_SECRET_KEY: secretText(/^(sk|rk)_(test|live)_\w+$/, 'a secret key of Stripe: sk_test_…, sk_live_… or rk_…', {
      description:
        "Stripe's secret key. Unset: the built-in Stripe simulator is used and no money moves; in production, nothing can be bought then.",
      example: 'sk_test_51PqYQd2eZvKYlo2C',
    }),
    STRIPE_WEBHOOK_SECRETS: secretTexts(/^whsec_\S{8,}$/, 'secrets that begin with whsec_', {
      description:
        'The signing secrets of the webhook, separated by commas. Set two while the secret is replaced. Required with STRIPE_SECRET_KEY.',
      example: 'whsec_9a8b7c6d5e4f',
    }),
    STRIPE_API_URL: publicUrl({
      description: 'The URL of a proxy or of a Stripe simulator in place of Stripe’s own.',
      example: 'http://127.0.0.1:3001',
    }),
    STRIPE_SIM_PORT: integer(3001, 0, 65_535, {
      description: 'The port of the Stripe simulator, used while STRIPE_SECRET_KEY and STRIPE_API_URL are unset.',
    }),
    BILLING_RETURN_ORIGINS: origins({
      description:
        'Origins to which the checkout and portal pages may return, separated by commas. Unset: the origins of PUBLIC_URL and CORS_ORIGINS.',
      example: 'https://app.example.com',
    }),
    STRIPE_PRICES: pairs({
      description:
        'Price ids at Stripe for the price ids of the catalogue: `<catalogue id>=<Stripe id>`, separated by commas.',
      example: 'price_tenantry_pro_v1=price_1PqYQd2eZvKYlo2C',
    }),
  },
  'Logs and metrics': {
    LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', {
      description: 'The lowest level that is logged.',
    }),
    LOG_FORMAT: oneOf(['auto', 'json', 'pretty'], 'auto', {
      description: 'auto: pretty on a terminal, else json.',
      example: 'json',
    }),
    METRICS: flag(true, { description: 'Serve GET /metrics for Prometheus.' }),
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
