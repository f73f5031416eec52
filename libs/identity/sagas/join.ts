import { domainToASCII } from 'node:url';
import type { CommandContext } from '#domain/command';
import { Refusal } from '#domain/refusal';
import type { Position } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import { uuidv5, uuidv7 } from '#platform/ids/uuid';
import { emailKey } from '../email';
import type { Passwords } from '../passwords';
import type { Join, JoinStore } from './join-store';

/** By which invitation somebody becomes a member of a tenant. */
export interface JoinMembership {
  readonly tenantId: string;
  readonly userId: string;
  readonly tokenHash: string;
  readonly emailDomain: string;
  /** The moment by which the invitation is judged. */
  readonly at: Date;
}

/** The two facts of a join, appended by the code that owns their aggregates. Each takes a repeat of its command. */
export interface JoinEvents {
  /** @throws Refusal the invitation cannot be used */
  joinTenant(membership: JoinMembership, context: CommandContext): Promise<Position | undefined>;
  registerUser(userId: string, context: CommandContext): Promise<Position>;
}

export interface JoinRequest {
  readonly tenantId: string;
  readonly tokenHash: string;
  readonly personName: string;
  readonly email: string;
  readonly password: string;
  /** UUIDv7; the same for a repeated request with the same idempotency key. */
  readonly commandId: string;
  readonly correlationId: string;
}

export interface Joined {
  readonly userId: string;
  readonly createdAt: Date;
  readonly position: Position;
}

/** Work that stood still for so long was interrupted. */
const CUT_OFF_SECONDS = 15;
const SWEEP = 50;
/** Twice as long as an idempotency key is kept. */
const KEPT_HOURS = 48;

/** The domain of an address, as invitations name it: in ASCII, however it is written. */
export const emailDomainOf = (email: string): string => domainToASCII(emailKey(email).split('@').at(-1) ?? '');

/** Where a test may kill the process. */
export const JOIN_FAILPOINTS = ['join.claimed', 'join.joined', 'join.registered', 'join.completed'] as const;
const [CLAIMED, JOINED, REGISTERED, COMPLETED] = JOIN_FAILPOINTS;

const contextFor = ({ commandId, userId, correlationId }: Join, step: string, mayRepeat: boolean): CommandContext => ({
  commandId: uuidv5(commandId, step),
  actor: { kind: 'user', id: userId },
  correlationId,
  ...(mayRepeat && { mayRepeat }),
});

/**
 * Appends both facts, or finds them appended, and lets the user in. Where the invitation cannot be used the address is
 * free again. Safe to repeat from any point.
 */
const finish = async (join: Join, mayRepeat: boolean, events: JoinEvents, store: JoinStore): Promise<Position> => {
  const { userId, claimedAt, ...membership } = join;
  failpoint(CLAIMED);
  try {
    await events.joinTenant({ ...membership, userId, at: claimedAt }, contextFor(join, 'join', mayRepeat));
  } catch (error) {
    if (error instanceof Refusal) await store.release(userId);
    throw error;
  }
  failpoint(JOINED);
  const registered = await events.registerUser(userId, contextFor(join, 'user', mayRepeat));
  failpoint(REGISTERED);
  await store.complete(userId);
  failpoint(COMPLETED);
  // It was appended after the membership, by this process or another one.
  return registered;
};

/**
 * Somebody new joins a tenant: the address is claimed by a unique row that holds every id, then membership and user are
 * appended, then the user may sign in. Interrupted anywhere, it is either not to be seen, or completed by the same request
 * or by {@link sweepJoins}.
 * @returns undefined where the address belongs to somebody
 * @throws Refusal the invitation cannot be used (any more)
 */
export const joinAsNew = async (
  request: JoinRequest,
  { passwords, store, events }: { passwords: Passwords; store: JoinStore; events: JoinEvents },
): Promise<Joined | undefined> => {
  const { tenantId, tokenHash, personName, email, commandId, correlationId } = request;
  const wanted = {
    ...{ tenantId, tokenHash, commandId, correlationId },
    userId: uuidv7(),
    emailDomain: emailDomainOf(email),
  };
  const passwordHash = await passwords.hash(request.password);
  const claimed = await store.claim({ ...wanted, email, emailKey: emailKey(email), personName, passwordHash });
  if (claimed.outcome === 'taken') return undefined;
  const { userId, createdAt, claimedAt } = claimed;
  const resumed = claimed.outcome === 'resumed';
  const position = await finish({ ...wanted, userId, claimedAt }, resumed, events, store);
  return { userId, createdAt, position };
};

/**
 * Completes joins that were interrupted, or gives their addresses back. One that fails keeps no other waiting.
 * @param store connects as the projector
 * @returns how many were completed
 * @throws AggregateError what went wrong with the others; they are taken up again
 */
export const sweepJoins = async (
  store: JoinStore,
  events: JoinEvents,
  olderSeconds = CUT_OFF_SECONDS,
): Promise<number> => {
  const unfinished = await store.takeUnfinished(olderSeconds, SWEEP);
  const failures: unknown[] = [];
  let completed = 0;
  for (const one of unfinished) {
    try {
      await finish(one, true, events, store);
      completed += 1;
    } catch (error) {
      if (!(error instanceof Refusal)) failures.push(error);
    }
  }
  await store.purge(KEPT_HOURS);
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} joins could not be completed`);
  return completed;
};
