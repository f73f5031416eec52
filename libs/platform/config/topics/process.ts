import { integer, oneOf } from '../kinds';

/** The settings of the topic "Process". */
export const PROCESS = {
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
} as const;
