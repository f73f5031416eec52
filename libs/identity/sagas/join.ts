import type { Access } from '#access/access';
import type { CommandContext } from '#domain/command';
import { Refusal } from '#domain/refusal';
import type { Position } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { emailDomainOf, emailKey } from '../email';
import type { Passwords } from '../passwords';
import type { Join, JoinStore } from './join-store';
import { contextOfStep, runSaga, type Saga, sweepSaga } from './saga';

/** By which invitation a user becomes a member of a tenant. */
export interface JoinMembership {
  readonly tenantId: string;
  readonly userId: string;
  readonly tokenHash: string;
  readonly emailDomain: string;
  /** The rule checks whether the invitation could be used at this time. */
  readonly at: Date;
}

/** Appends the two facts of a join to their aggregates. Repeating a command has no effect. */
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
  /** The access of the session that the user gets. */
  readonly access: Access;
}

export interface Joined {
  readonly userId: string;
  readonly createdAt: Date;
  readonly position: Position;
}

/** Where a test may kill the process. */
export const JOIN_FAILPOINTS = ['join.claimed', 'join.joined', 'join.registered', 'join.completed'] as const;

const contextOf = (join: Join, step: string): CommandContext => ({
  ...contextOfStep(join, step),
  mayRepeat: join.mayRepeat,
});

/** Adds a member to a tenant, then registers the new user. */
const joinSaga = (store: JoinStore, events: JoinEvents): Saga<Join, Position, void> => ({
  plural: 'joins',
  failpoints: JOIN_FAILPOINTS,
  store,
  appendFirst: async (join) => {
    const { tenantId, userId, tokenHash, emailDomain, claimedAt: at } = join;
    try {
      await events.joinTenant({ tenantId, userId, tokenHash, emailDomain, at }, contextOf(join, 'join'));
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  },
  appendLast: (join) => events.registerUser(join.userId, contextOf(join, 'user')),
});

/**
 * A new user joins a tenant: claims the e-mail address, appends membership and user, then lets the user sign in. If it
 * is interrupted at any point, nobody can sign in as the user until the same request or {@link sweepJoins} completes
 * it. If the invitation cannot be used, the address is free again.
 * @returns undefined if an account, a sign-up or another join has the address
 * @throws Refusal the invitation cannot be used
 */
export const joinAsNew = async (
  request: JoinRequest,
  { passwords, store, events }: { passwords: Passwords; store: JoinStore; events: JoinEvents },
): Promise<Joined | undefined> => {
  const { tenantId, tokenHash, personName, email, commandId, correlationId, access } = request;
  const passwordHash = await passwords.hash(request.password);
  const saga = await runSaga(joinSaga(store, events), () =>
    store.claim({
      ...{ tenantId, tokenHash, personName, email, commandId, correlationId, passwordHash, access },
      userId: uuidv7(),
      emailDomain: emailDomainOf(email),
      emailKey: emailKey(email),
    }),
  );
  return saga && { userId: saga.claim.userId, createdAt: saga.claim.createdAt, position: saga.position };
};

/**
 * Completes interrupted joins, or releases their addresses if the invitation cannot be used, see {@link sweepSaga}.
 * @returns how many were completed
 */
export const sweepJoins = async (store: JoinStore, events: JoinEvents, olderSeconds?: number): Promise<number> =>
  (await sweepSaga(joinSaga(store, events), olderSeconds)).completed;
