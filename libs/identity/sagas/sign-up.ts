import type { Access } from '#access/access';
import type { CommandContext } from '#domain/command';
import type { Position } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { emailKey } from '../email';
import type { Passwords } from '../passwords';
import { slugOf } from '../slug';
import { contextOfStep, runSaga, type Saga, sweepSaga } from './saga';
import type { SignUp, SignUpStore } from './sign-up-store';

/** Appends the two facts of a sign-up to their aggregates. Repeating a command has no effect. */
export interface SignUpEvents {
  createTenant(
    tenant: Omit<SignUp, 'commandId' | 'correlationId' | 'accessId'>,
    context: CommandContext,
  ): Promise<Position>;
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
  /** The access of the session that the user gets. */
  readonly access: Access;
}

export interface SignedUp {
  readonly userId: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly createdAt: Date;
  readonly position: Position;
}

/** Where a test may kill the process. */
export const SIGN_UP_FAILPOINTS = [
  'sign-up.claimed',
  'sign-up.tenant-created',
  'sign-up.user-registered',
  'sign-up.completed',
] as const;

/** Creates a tenant, then registers its first user. */
const signUpSaga = (store: SignUpStore, events: SignUpEvents): Saga<SignUp, Position, void> => ({
  plural: 'sign-ups',
  failpoints: SIGN_UP_FAILPOINTS,
  store,
  appendFirst: async (claim) => {
    await events.createTenant(claim, contextOfStep(claim, 'tenant'));
    return undefined;
  },
  appendLast: (claim) => events.registerUser(claim.userId, contextOfStep(claim, 'user')),
});

/**
 * Signs up a user with a tenant: claims the e-mail address, appends both facts, then lets the user sign in. If it is
 * interrupted at any point, nobody can sign in as the user until the same request or {@link sweepSignUps} completes it.
 * @throws Problem conflict if an account or another sign-up has the address
 */
export const signUp = async (
  request: SignUpRequest,
  { passwords, store, events }: { passwords: Passwords; store: SignUpStore; events: SignUpEvents },
): Promise<SignedUp> => {
  const { companyName, personName, email, commandId, correlationId, access } = request;
  const passwordHash = await passwords.hash(request.password);
  const saga = await runSaga(signUpSaga(store, events), () =>
    store.claim({
      ...{ companyName, personName, email, commandId, correlationId, passwordHash, access },
      userId: uuidv7(),
      tenantId: uuidv7(),
      slug: slugOf(companyName),
      emailKey: emailKey(email),
    }),
  );
  if (!saga)
    throw new Problem('conflict', { detail: 'An account with this e-mail address already exists. Sign in instead.' });
  const { userId, tenantId, slug, createdAt } = saga.claim;
  return { userId, tenantId, slug, createdAt, position: saga.position };
};

/** Completes interrupted sign-ups, see {@link sweepSaga}. @returns how many */
export const sweepSignUps = async (store: SignUpStore, events: SignUpEvents, olderSeconds?: number): Promise<number> =>
  (await sweepSaga(signUpSaga(store, events), olderSeconds)).completed;
