import { flag, integer, oneOf } from '../kinds';

const MANY = 1_000_000_000;

/** The settings of the topic "Limits". */
export const LIMITS = {
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
} as const;
