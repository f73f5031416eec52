import type { CommandContext } from '#domain/command';
import type { Position } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import { uuidv5, uuidv7 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { emailKey } from '../email';
import type { Passwords } from '../passwords';
import { slugOf } from '../slug';
import type { SignUp, SignUpStore } from './sign-up-store';

/** The two facts of a sign-up, appended by the code that owns their aggregates. Each takes a repeat of its command. */
export interface SignUpEvents {
  createTenant(tenant: Omit<SignUp, 'commandId' | 'correlationId'>, context: CommandContext): Promise<Position>;
  registerUser(userId: string, context: CommandContext): Promise<Position>;
}

export interface SignUpRequest {
  readonly companyName: string;
  readonly personName: string;
  readonly email: string;
  readonly password: string;
  /** UUIDv7; the same for a repeated request with the same idempotency key. */
  readonly commandId: string;
  readonly correlationId: string;
}

export interface SignedUp {
  readonly userId: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly createdAt: Date;
  readonly position: Position;
}

/** Work that stood still for so long was interrupted. */
const CUT_OFF_SECONDS = 15;
const SWEEP = 50;
/** Twice as long as an idempotency key is kept. */
const KEPT_HOURS = 48;

/** Each append of a sign-up has a command of its own, the same for each process that carries it out. */
const contextFor = (signUp: SignUp, step: string): CommandContext => ({
  commandId: uuidv5(signUp.commandId, step),
  actor: { kind: 'user', id: signUp.userId },
  correlationId: signUp.correlationId,
});

/** Where a test may kill the process. */
export const SIGN_UP_FAILPOINTS = [
  'sign-up.claimed',
  'sign-up.tenant-created',
  'sign-up.user-registered',
  'sign-up.completed',
] as const;
const [CLAIMED, TENANT_CREATED, USER_REGISTERED, COMPLETED] = SIGN_UP_FAILPOINTS;

/** Appends both facts, or finds them appended, and lets the user in. Safe to repeat from any point. */
const finish = async (signUp: SignUp, events: SignUpEvents, store: SignUpStore): Promise<Position> => {
  failpoint(CLAIMED);
  await events.createTenant(signUp, contextFor(signUp, 'tenant'));
  failpoint(TENANT_CREATED);
  const registered = await events.registerUser(signUp.userId, contextFor(signUp, 'user'));
  failpoint(USER_REGISTERED);
  await store.complete(signUp.userId);
  failpoint(COMPLETED);
  // It was appended after the tenant, by this process or another one.
  return registered;
};

/**
 * Signs a user and their tenant up: the address is claimed by a unique row that holds every id, then both facts are
 * appended, then the user may sign in. Interrupted anywhere, it is either not to be seen, or completed by the same request
 * or by {@link sweepSignUps}.
 * @throws Problem conflict where the address belongs to somebody
 */
export const signUp = async (
  request: SignUpRequest,
  { passwords, store, events }: { passwords: Passwords; store: SignUpStore; events: SignUpEvents },
): Promise<SignedUp> => {
  const { companyName, personName, email, commandId, correlationId } = request;
  const wanted: SignUp = {
    userId: uuidv7(),
    tenantId: uuidv7(),
    companyName,
    slug: slugOf(companyName),
    commandId,
    correlationId,
  };
  const passwordHash = await passwords.hash(request.password);
  const claimed = await store.claim({ ...wanted, email, emailKey: emailKey(email), personName, passwordHash });
  if (claimed.outcome === 'taken') {
    throw new Problem('conflict', { detail: 'An account with this e-mail address already exists. Sign in instead.' });
  }
  const { userId, tenantId, slug, createdAt } = claimed;
  const position = await finish({ ...wanted, userId, tenantId, slug }, events, store);
  return { userId, tenantId, slug, createdAt, position };
};

/**
 * Completes sign-ups that were interrupted. One that fails keeps no other waiting.
 * @param store connects as the projector
 * @returns how many were completed
 * @throws AggregateError what went wrong with the others; they are taken up again
 */
export const sweepSignUps = async (
  store: SignUpStore,
  events: SignUpEvents,
  olderSeconds = CUT_OFF_SECONDS,
): Promise<number> => {
  const unfinished = await store.takeUnfinished(olderSeconds, SWEEP);
  const failures: unknown[] = [];
  for (const one of unfinished) await finish(one, events, store).catch((error: unknown) => failures.push(error));
  await store.purge(KEPT_HOURS);
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} sign-ups could not be completed`);
  return unfinished.length;
};
