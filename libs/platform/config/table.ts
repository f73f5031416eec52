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
  'What runs': {
    ROLE: oneOf(['all', 'api', 'worker'], 'all', {
      description:
        'What this process does: all, only the HTTP API, or only the background work. Several processes need DATABASE_URL.',
    }),
    NODE_ENV: oneOf(['development', 'production', 'test'], 'development', {
      description: 'In production SECRET_KEY is required together with DATABASE_URL.',
      example: 'production',
    }),
    ROLLBACK_WAIT_SECONDS: integer(30, 6, 3_600, {
      description:
        'How long no process of a newer release may have run until workers of this release bring read models back to their own version. Longer than all processes of a release may be away in a restart.',
    }),
  },
  'Where it listens': {
    HOST: text('127.0.0.1', /^[A-Za-z0-9.:_-]+$/, 'a host name or address', {
      description: 'The address to listen on. 0.0.0.0 is every address of the machine.',
    }),
    PORT: integer(3000, 0, 65_535, { description: 'The port to listen on. 0 takes a free one and prints it.' }),
    WORKER_PORT: integer(3002, 0, 65_535, {
      description:
        'The port on which a process with ROLE=worker serves /healthz, /readyz and /metrics: of several on one machine each needs its own. 0 takes a free one and prints it.',
    }),
    PUBLIC_URL: publicUrl({
      description: 'The URL under which clients reach the API, for links in answers. Unset: where it listens.',
      example: 'https://api.example.com',
    }),
    TRUST_PROXY: proxies({
      description:
        'Whose X-Forwarded-For counts: false, the number of proxies in front, or their addresses and ranges, separated by commas.',
      example: '10.0.0.0/8,loopback',
    }),
    CORS_ORIGINS: origins({
      description: 'Origins of browser applications that may call the API, separated by commas. Unset: none.',
      example: 'https://app.example.com',
    }),
  },
  'Where data lives': {
    DATA_DIR: text('.data', /^[^\0]+$/, 'a folder', {
      description: 'The folder of everything embedded: PostgreSQL and the generated secret key.',
    }),
    DATABASE_URL: serviceUrl(['postgres', 'postgresql'], {
      description:
        "PostgreSQL 15 or later, in place of the embedded one. The user owns the database and may create roles; Tenantry's processes then run under roles of their own.",
      example: 'postgres://owner:secret@127.0.0.1:5432/tenantry',
    }),
    DATABASE_DIRECT_URL: serviceUrl(['postgres', 'postgresql'], {
      description:
        'PostgreSQL itself, where DATABASE_URL leads to a pooler in transaction mode: for locks, LISTEN, COPY and migrations. Its user is then the one who owns the database.',
      example: 'postgres://owner:secret@127.0.0.1:5432/tenantry',
    }),
    DATABASE_POOLER_PREPARED_STATEMENTS: flag(false, {
      description:
        'true: the pooler of DATABASE_URL keeps prepared statements for its clients (PgBouncer 1.21 or later with max_prepared_statements above 0). false: statements are parsed anew each time behind a pooler.',
      example: 'true',
    }),
    DATABASE_ROLE_PREFIX: text('tenantry', /^[a-z][a-z0-9_]{0,39}$/, 'up to 40 of a-z, 0-9 and _, a letter first', {
      description: 'What the names of the database roles begin with. Two installations in one server need two.',
    }),
    DATABASE_POOL_SIZE: integer(10, 1, 500, {
      description:
        'Connections at most that the requests of this process share, beside some 18 for the log, jobs and wake-ups.',
    }),
    MIGRATE_ON_START: flag(true, {
      description: 'Bring the database up to date at start. false: refuse to start while it is not.',
    }),
    EVENTSTORE_URL: serviceUrl(['esdb', 'esdb+discover'], {
      description: 'An EventStoreDB cluster for the event log, in place of PostgreSQL.',
      example: 'esdb://127.0.0.1:2113?tls=false',
    }),
    REDIS_URL: serviceUrl(['redis', 'rediss'], {
      description:
        'A Redis in which all processes count rate limits together, and which carries jobs. Unset: each counts by itself, and PostgreSQL carries jobs.',
      example: 'redis://127.0.0.1:6379',
    }),
  },
  Secrets: {
    SECRET_KEY: key({
      description:
        'The key that all others derive from: 32 bytes in base64, made by `openssl rand -base64 32`. The same for every process. Unset: generated into DATA_DIR.',
      example: 'c2VlIG9wZW5zc2wgcmFuZCAtYmFzZTY0IDMyIQAAAAA=',
    }),
    SECRET_KEY_FILE: optionalText({
      description: 'A file that holds SECRET_KEY, as container platforms mount it.',
      example: '/run/secrets/tenantry_key',
    }),
    ACCESS_TOKEN_TTL_SECONDS: integer(900, 60, 86_400, { description: 'How long an access token is good for.' }),
    REFRESH_TOKEN_TTL_DAYS: integer(30, 1, 365, { description: 'How long a session lives without being used.' }),
    PASSWORD_HASH_CONCURRENCY: integer(2, 1, 64, {
      description: 'Passwords hashed at the same time; each takes 19 MiB and a core for about 30 ms.',
    }),
  },
  Limits: {
    SIGNUP_RATE_PER_HOUR: integer(60, 1, MANY, { description: 'Sign-ups from one address.' }),
    SIGNIN_RATE_PER_MINUTE: integer(60, 1, MANY, { description: 'Attempts to sign in from one address.' }),
    JOIN_RATE_PER_MINUTE: integer(60, 1, MANY, { description: 'Invitations looked at and accepted from one address.' }),
    SIGNIN_ACCOUNT_RATE_PER_MINUTE: integer(10, 1, MANY, {
      description: 'Wrong passwords for one account from one network.',
    }),
    SIGNIN_ACCOUNT_TOTAL_RATE_PER_MINUTE: integer(100, 1, MANY, {
      description:
        'Wrong passwords for one account from all networks together. Those that its person has signed in from before are let through.',
    }),
    API_RATE_PER_MINUTE: integer(6_000, 1, MANY, {
      description:
        'Requests of one company, all its members together; and as many of one person about themselves, and of one client address without a token.',
    }),
    REQUEST_TIMEOUT_MS: integer(10_000, 100, 600_000, { description: 'How long a request may take.' }),
    CONSISTENCY_WAIT_MS: integer(2_000, 0, 60_000, {
      description: 'How long an answer waits for the read models to show what it wrote.',
    }),
    AUTHORITY_GRACE_SECONDS: integer(10, 0, 300, {
      description:
        'While the event log is away, a membership that was read from it lets reads (GET, HEAD) in for this long after the usual second. Writes are 503. 0: reads are 503 too.',
    }),
    TENANT_RETENTION_DAYS: integer(30, 0, 3_650, {
      description: 'How long what a closed company wrote is kept before it is erased.',
    }),
    PLANS: oneOf(['catalogue', 'none'], 'catalogue', {
      description: 'none: no plan limits anything; for an installation that one company runs for itself.',
      example: 'none',
    }),
    INVITATIONS_HOLD_SEATS: flag(false, {
      description: 'Each use of an open invitation holds a seat until somebody takes it.',
    }),
    SHUTDOWN_GRACE_MS: integer(10_000, 0, 600_000, {
      description: 'How long requests and work under way may take after SIGTERM.',
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
        "Stripe's secret key. Unset: a Stripe of our own on loopback, in which no money moves; in production nothing can be bought then.",
      example: 'sk_test_51PqYQd2eZvKYlo2C',
    }),
    STRIPE_WEBHOOK_SECRETS: secretTexts(/^whsec_\S{8,}$/, 'secrets that begin with whsec_', {
      description:
        'The signing secrets of the webhook, separated by commas: two while one is rolled. Required with STRIPE_SECRET_KEY.',
      example: 'whsec_9a8b7c6d5e4f',
    }),
    STRIPE_API_URL: publicUrl({
      description:
        'Where Stripe is, in place of its own address: for a proxy, or a Stripe on loopback that runs elsewhere.',
      example: 'http://127.0.0.1:3001',
    }),
    STRIPE_SIM_PORT: integer(3001, 0, 65_535, {
      description: 'The port of the Stripe on loopback, while STRIPE_SECRET_KEY and STRIPE_API_URL are unset.',
    }),
    BILLING_RETURN_ORIGINS: origins({
      description:
        'Origins to which checkout and portal may return, separated by commas. Unset: those of PUBLIC_URL and CORS_ORIGINS.',
      example: 'https://app.example.com',
    }),
    STRIPE_PRICES: pairs({
      description:
        "Stripe's price ids of this installation, for those of the catalogue: `<catalogue's>=<Stripe's>`, separated by commas.",
      example: 'price_tenantry_pro_v1=price_1PqYQd2eZvKYlo2C',
    }),
  },
  'What it tells': {
    LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', {
      description: 'The least severe lines that are logged.',
    }),
    LOG_FORMAT: oneOf(['auto', 'json', 'pretty'], 'auto', {
      description: 'auto: pretty on a terminal, else json.',
      example: 'json',
    }),
    METRICS: flag(true, { description: 'Serve GET /metrics for Prometheus.' }),
  },
} as const;

export const TABLE = {
  ...TOPICS['What runs'],
  ...TOPICS['Where it listens'],
  ...TOPICS['Where data lives'],
  ...TOPICS.Secrets,
  ...TOPICS.Limits,
  ...TOPICS.Billing,
  ...TOPICS['What it tells'],
};
