import type { CommandContext } from '#domain/command';
import { Refusal } from '#domain/refusal';
import type { Role } from '#domain/tenant/roles';
import type { Position } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import { uuidv5 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import type { Erasure, ErasureStore } from './erasure-store';

/** Where somebody belongs, as the tenant's own stream has it. Closed tenants are none. */
export interface ErasedMembership {
  readonly tenantId: string;
  readonly companyName: string;
  readonly role: Role;
  readonly soleOwner: boolean;
}

/** The facts of an erasure, appended by the code that owns their aggregates. */
export interface ErasureEvents {
  membershipsOf(userId: string): Promise<readonly ErasedMembership[]>;
  /** @throws Refusal not-found where they belong to it no more, conflict where it would be left without an owner */
  leave(tenantId: string, userId: string, context: CommandContext): Promise<void>;
  /** Undefined where it had been appended. */
  eraseUser(userId: string, context: CommandContext): Promise<Position | undefined>;
}

export interface ErasureDeps {
  readonly store: ErasureStore;
  readonly events: ErasureEvents;
}

export interface Erased {
  readonly position: Position | undefined;
  readonly endedSessions: readonly string[];
}

/** Work that stood still for so long was interrupted. */
const CUT_OFF_SECONDS = 15;
const SWEEP = 50;
/** Longer than an access token can be valid for. */
const KEPT_HOURS = 48;

/** Where a test may kill the process. */
export const ERASURE_FAILPOINTS = [
  'erasure.begun',
  'erasure.memberships-ended',
  'erasure.user-erased',
  'erasure.completed',
] as const;
const [BEGUN, MEMBERSHIPS_ENDED, USER_ERASED, COMPLETED] = ERASURE_FAILPOINTS;

/**
 * Each attempt's appends have commands of their own: what an earlier attempt has appended is in the state that the rules
 * decide on, and somebody who joined again since has to leave again.
 */
const contextFor = ({ userId, commandId, correlationId, attempts }: Erasure, step: string): CommandContext => ({
  commandId: uuidv5(commandId, `${step} ${attempts}`),
  actor: { kind: 'user', id: userId },
  correlationId,
});

const ownsAlone = (names: readonly string[]): Problem =>
  new Problem('conflict', {
    detail: `You are the only owner of ${names.join(', ')}. Make another member an owner or close the tenant, then try again.`,
  });

/** Safe to repeat from any point. Nothing personal is lost before the last step, which nothing can refuse. */
const finish = async (erasure: Erasure, { store, events }: ErasureDeps): Promise<Erased> => {
  const { userId } = erasure;
  failpoint(BEGUN);
  const memberships = await events.membershipsOf(userId);
  // Only an owner's going can be refused: it is tried before anything else is done.
  for (const { tenantId, companyName } of memberships.toSorted((a, b) => rank(a.role) - rank(b.role))) {
    try {
      await events.leave(tenantId, userId, contextFor(erasure, `leave ${tenantId}`));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.reason === 'not-found') continue;
      await store.cancel(userId);
      throw error.reason === 'conflict' ? ownsAlone([companyName]) : error;
    }
  }
  failpoint(MEMBERSHIPS_ENDED);
  const position = await events.eraseUser(userId, contextFor(erasure, 'user'));
  failpoint(USER_ERASED);
  const endedSessions = await store.erase(userId);
  failpoint(COMPLETED);
  return { position, endedSessions };
};

const rank = (role: Role): number => (role === 'owner' ? 0 : 1);

/**
 * Erases a user: their memberships end, `UserErased` is appended, then everything personal goes. Interrupted at any
 * point, it has either not begun, or is completed by the same request or by {@link sweepErasures}. Where they became the
 * only owner of a tenant while it was under way, it stops before anything personal is lost.
 * @throws Problem conflict, naming the tenants that they are the only owner of
 */
export const erase = async (
  { userId, commandId, correlationId }: Omit<Erasure, 'attempts'>,
  parts: ErasureDeps,
): Promise<Erased> => {
  const alone = (await parts.events.membershipsOf(userId)).filter(({ soleOwner }) => soleOwner);
  if (alone.length > 0) throw ownsAlone(alone.map(({ companyName }) => companyName));
  const erasure = await parts.store.begin(userId, commandId, correlationId);
  if (!erasure) throw new Problem('unauthenticated', { detail: 'This account no longer exists.' });
  return finish(erasure, parts);
};

/**
 * Completes erasures that were interrupted, and looks once more at each that was completed a minute ago: a request that was
 * under way then may have left something behind. One that fails keeps no other waiting.
 * @param parts the store connects as the projector
 * @returns how many were completed or looked at
 * @throws AggregateError what went wrong with the others; they are taken up again
 */
export const sweepErasures = async (parts: ErasureDeps, olderSeconds = CUT_OFF_SECONDS): Promise<number> => {
  const unfinished = await parts.store.takeUnfinished(olderSeconds, SWEEP);
  const failures: unknown[] = [];
  for (const one of unfinished) {
    await finish(one, parts).catch((error: unknown) => {
      // They own a tenant alone by now: the erasure is off, and they can ask for it again.
      if (!(error instanceof Problem && error.problem === 'conflict')) failures.push(error);
    });
  }
  await parts.store.purge(KEPT_HOURS);
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} erasures could not be completed`);
  return unfinished.length;
};
