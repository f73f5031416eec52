import type { CommandContext } from '#domain/command';
import { Refusal } from '#domain/refusal';
import type { Role } from '#domain/tenant/roles';
import type { Position } from '#event-log/port';
import { Problem } from '#platform/problems';
import type { Erasure, ErasureStore } from './erasure-store';
import { contextOfStep, runSaga, type Saga, type SagaClaim, sweepSaga } from './saga';

/** A membership of an open tenant, as the tenant's own stream has it. */
export interface ErasedMembership {
  readonly tenantId: string;
  readonly companyName: string;
  readonly role: Role;
  readonly soleOwner: boolean;
}

/** Reads what an erasure depends on, and appends its facts to their aggregates. */
export interface ErasureEvents {
  /**
   * Resolves when `membershipsOf` returns every membership that was appended before the call.
   * @throws Problem read-model-behind
   */
  catchUp(): Promise<void>;
  membershipsOf(userId: string): Promise<readonly ErasedMembership[]>;
  /** @throws Refusal not-found if the user is no longer a member, conflict if the tenant would have no owner */
  leave(tenantId: string, userId: string, context: CommandContext): Promise<void>;
  /** @returns undefined if an earlier attempt appended it */
  eraseUser(userId: string, context: CommandContext): Promise<Position | undefined>;
}

export interface ErasureDeps {
  readonly store: ErasureStore;
  readonly events: ErasureEvents;
  /** Reports a tenant whose only owner is a user that is erased already. No rule should allow that. */
  readonly onOrphan?: (tenantId: string, userId: string) => void;
}

export interface Erased {
  readonly position: Position | undefined;
  readonly endedSessions: readonly string[];
}

/** Where a test may kill the process. */
export const ERASURE_FAILPOINTS = [
  'erasure.begun',
  'erasure.memberships-ended',
  'erasure.user-erased',
  'erasure.completed',
] as const;

/**
 * The appends of each attempt have command ids of their own. Whatever an earlier attempt appended is in the state that
 * the rules decide on, and a user who joined a tenant again in between has to leave it again.
 */
const contextOf = (erasure: Erasure, step: string): CommandContext =>
  contextOfStep(erasure, `${step} ${erasure.attempts}`);

const ownsAlone = (names: readonly string[]): Problem =>
  new Problem('conflict', {
    detail: `You are the only owner of ${names.join(', ')}. Make another member an owner or close the tenant, then try again.`,
  });

const ownersFirst = (memberships: readonly ErasedMembership[]): readonly ErasedMembership[] =>
  memberships.toSorted((a, b) => Number(b.role === 'owner') - Number(a.role === 'owner'));

/** Ends the memberships, then records the erasure. The completion deletes the personal data; no rule can refuse it. */
const erasureSaga = ({
  store,
  events,
  onOrphan,
}: ErasureDeps): Saga<Erasure, Position | undefined, readonly string[]> => ({
  plural: 'erasures',
  failpoints: ERASURE_FAILPOINTS,
  store,
  appendFirst: async (erasure) => {
    const { userId } = erasure;
    // No membership can be added after the erasure has begun, so this finds all of them.
    await events.catchUp();
    // A rule can only refuse to let an owner leave, so these memberships end first.
    for (const { tenantId, companyName } of ownersFirst(await events.membershipsOf(userId))) {
      try {
        await events.leave(tenantId, userId, contextOf(erasure, `leave ${tenantId}`));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.reason === 'not-found') continue;
        if (!erasure.isErased) return error.reason === 'conflict' ? ownsAlone([companyName]) : error;
        // The data is deleted, so the erasure cannot be canceled, and a repeat would be refused in the same way.
        onOrphan?.(tenantId, userId);
      }
    }
    return undefined;
  },
  appendLast: (erasure) => events.eraseUser(erasure.userId, contextOf(erasure, 'user')),
});

/**
 * Erases a user: ends their memberships, appends `UserErased`, then deletes all personal data. If it is interrupted at
 * any point, the same request or {@link sweepErasures} completes it. If the user becomes the only owner of a tenant in
 * the meantime, it is canceled before any personal data is deleted.
 * @throws Problem conflict with the names of the tenants that have no other owner; unauthenticated if there is no such
 *   user
 */
export const erase = async (request: SagaClaim, deps: ErasureDeps): Promise<Erased> => {
  const memberships = await deps.events.membershipsOf(request.userId);
  const owned = memberships.filter(({ soleOwner }) => soleOwner);
  if (owned.length > 0) throw ownsAlone(owned.map(({ companyName }) => companyName));
  const saga = await runSaga(erasureSaga(deps), () =>
    deps.store.claim(
      request,
      memberships.map(({ tenantId }) => tenantId),
    ),
  );
  if (!saga) throw new Problem('unauthenticated', { detail: 'This account no longer exists.' });
  return { position: saga.position, endedSessions: saga.completion };
};

/**
 * Completes interrupted erasures, and repeats each one that was completed a minute ago: a request that was being
 * processed at that time may have stored something for the user. Cancels those of users who are the only owner of a
 * tenant by now; they can repeat the request. See {@link sweepSaga}.
 * @returns how many were completed, repeated or canceled
 */
export const sweepErasures = async (deps: ErasureDeps, olderSeconds?: number): Promise<number> => {
  const { completed, released } = await sweepSaga(erasureSaga(deps), olderSeconds);
  return completed + released;
};
