import type { Accounts, ProfileSeen } from '#identity/accounts';
import type { Passwords } from '#identity/passwords';
import { type ErasureDeps, erase } from '#identity/sagas/erasure';
import type { Sessions } from '#identity/sessions/sessions';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import { type Limiter, refuseAboveLimit } from '../../http/limits/rate-window';
import { notFound } from '../../http/problems/not-found';
import type { ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf, causeOf } from '../../http/requests/command-context';
import type { RequestContext } from '../../http/requests/request-context';
import { invalid } from '../../http/validation/validation';
import type { SignInDeps } from '../sign-in/identity-deps';
import { sessionTenantOf } from '../sign-in/tenants';
import type { ChangePasswordDto, ChangeProfileDto, EraseDto, SignOutDto, SwitchedDto } from './account.dto';

export interface AccountDeps extends SignInDeps {
  readonly sessions: Sessions;
  /** Counts the addresses that a user tries: each answer reveals whether an account has the address. */
  readonly addressChanges: Limiter;
  readonly accounts: Accounts;
  readonly passwords: Passwords;
  readonly erasure: ErasureDeps;
}

/** 403 and not 401: the session is still valid, and a 401 would make the client drop it. */
const wrongPassword = (): Problem => new Problem('forbidden', { detail: 'The current password is wrong.' });
/** Seconds after a sign-in with a password in which an erasure does not need the password again. */
const RECENT_SECONDS = 300;
const passwordNeeded = (): Problem =>
  new Problem('forbidden', { detail: 'Send `currentPassword`, or sign in again and repeat this within 5 minutes.' });
/** The answer to a write whose `If-Match` names another state than the present one. */
export const preconditionFailed = (): Problem => new Problem('precondition-failed', {});
const accountErased = (): Problem => new Problem('unauthenticated', { detail: 'This account no longer exists.' });

/** Operations of a signed-in user on their own account and sessions. */
export const createAccountService = ({
  accounts,
  sessions,
  addressChanges,
  passwords,
  endedSessions,
  erasure,
  checkPassword,
  opener,
  liveTenant,
}: AccountDeps) => {
  /**
   * The stored hash if the password matches it, undefined otherwise.
   * @throws Problem unauthenticated (the account was erased), rate-limited
   */
  const findMatchingHash = async (
    userId: string,
    client: ClientInfo,
    password: string,
  ): Promise<string | undefined> => {
    const stored = await accounts.findPassword(userId);
    if (!stored) throw accountErased();
    const { emailKey: account, passwordHash } = stored;
    // A client with a session of this account counts as a client on a familiar network.
    const match = await checkPassword({ account, client, password }, async () => ({
      userId,
      passwordHash,
      familiar: true,
    }));
    return match?.passwordHash;
  };

  /** @throws Problem forbidden (the password is wrong), unauthenticated, rate-limited */
  const requirePassword = async (userId: string, client: ClientInfo, password: string): Promise<void> => {
    if ((await findMatchingHash(userId, client, password)) === undefined) throw wrongPassword();
  };

  /** Ends a session and all sessions that were opened from it. @returns false if the user has no such session */
  const endOne = async (
    context: RequestContext,
    sessionId: string,
    reason: 'signed-out' | 'revoked',
  ): Promise<boolean> => {
    const { userId } = authenticatedUserOf(context);
    const ended = await accounts.endSession(userId, sessionId, reason, causeOf(context));
    if (ended) endedSessions.note([sessionId, ...ended]);
    return ended !== undefined;
  };

  return {
    /** Opens a session in another tenant of the user. @throws Problem not-found */
    switchTo: async (tenantId: string, context: RequestContext, client: ClientInfo): Promise<SwitchedDto> => {
      const { userId, sessionId } = authenticatedUserOf(context);
      const live = await liveTenant(tenantId, userId);
      if (!live)
        throw new Problem('not-found', { detail: 'You are not a member of this tenant, or it does not exist.' });
      const tokens = await opener.open(
        { userId, tenant: sessionTenantOf(live), method: 'switch', proof: { sessionId } },
        client,
        context,
      );
      return { tenant: live.tenant, ...tokens };
    },

    /**
     * Ends a session, and all sessions that were opened from it.
     * @throws Problem not-found, if the session is not one of the user
     */
    endSession: async (sessionId: string, context: RequestContext): Promise<void> => {
      const { sessionId: ownId } = authenticatedUserOf(context);
      const hasEnded = await endOne(context, sessionId, sessionId === ownId ? 'signed-out' : 'revoked');
      if (!hasEnded) throw notFound('session');
    },

    /**
     * Signs out: ends the session of the access token, or of the refresh token in the body. An unknown refresh token ends
     * nothing; the answer does not reveal it.
     * @throws Problem validation-failed (no token, or both)
     */
    signOut: async ({ refreshToken }: SignOutDto, context: RequestContext): Promise<void> => {
      const { principal } = context;
      const refuse = (message: string) => invalid([{ pointer: '/refreshToken', message }]);
      if (principal) {
        if (refreshToken !== undefined) throw refuse('must not be sent with an access token');
        await endOne(context, principal.sessionId, 'signed-out');
      } else {
        if (refreshToken === undefined) throw refuse('is required without an access token');
        endedSessions.note(await sessions.endByToken(refreshToken, causeOf(context)));
      }
    },

    /**
     * Changes the password and ends all other sessions of the user.
     * @throws Problem forbidden (the current password is wrong), conflict (changed by another request),
     * unauthenticated, rate-limited
     */
    changePassword: async (change: ChangePasswordDto, context: RequestContext, client: ClientInfo): Promise<void> => {
      const { userId, sessionId } = authenticatedUserOf(context);
      const matchingHash = (password: string) => findMatchingHash(userId, client, password);
      const currentHash = await matchingHash(change.currentPassword);
      // An earlier attempt of this request may already have set the new password. This check counts as an attempt, too.
      const isUnknown = currentHash === undefined && context.mayRepeat;
      const alreadySetHash = isUnknown ? await matchingHash(change.newPassword) : undefined;
      const oldHash = currentHash ?? alreadySetHash;
      if (oldHash === undefined) throw wrongPassword();
      const newHash = alreadySetHash ?? (await passwords.hash(change.newPassword));
      const endedIds = await accounts.changePassword(userId, oldHash, newHash, sessionId, causeOf(context));
      if (!endedIds)
        throw new Problem('conflict', { detail: 'The password was changed by another request. Try again.' });
      endedSessions.note(endedIds);
    },

    /**
     * Changes the fields that are sent.
     * @param seen the name and address that the client has seen; the change fails if the present ones are different
     * @throws Problem validation-failed (an address without a password), forbidden (the password is wrong), conflict
     * (the address is taken), precondition-failed, unauthenticated, rate-limited
     */
    changeProfile: async (
      { name, email, currentPassword }: ChangeProfileDto,
      context: RequestContext,
      client: ClientInfo,
      seen?: ProfileSeen,
    ): Promise<void> => {
      const { userId } = authenticatedUserOf(context);
      if (email !== undefined) {
        if (currentPassword === undefined)
          throw invalid([{ pointer: '/currentPassword', message: 'is required to change the e-mail address' }]);
        await requirePassword(userId, client, currentPassword);
        refuseAboveLimit(await addressChanges.consume(userId), 'You changed your e-mail address too often.');
      }
      const outcome = await accounts.changeProfile(userId, { name, email }, causeOf(context), seen);
      if (outcome === 'gone') throw accountErased();
      if (outcome === 'stale') throw preconditionFailed();
      if (outcome === 'taken')
        throw new Problem('conflict', { detail: 'An account with this e-mail address already exists.' });
    },

    /**
     * Erases the user; see `erase` in `libs/identity/sagas/erasure.ts`.
     * @throws Problem forbidden (the password is wrong, or is missing and the last sign-in is not recent), conflict (the
     * only owner of an open tenant), unauthenticated, rate-limited
     */
    erase: async ({ currentPassword }: EraseDto, context: RequestContext, client: ClientInfo): Promise<void> => {
      const { userId, sessionId } = authenticatedUserOf(context);
      if (currentPassword !== undefined) await requirePassword(userId, client, currentPassword);
      // A repeat of a request that was killed has passed this check before.
      else if (!context.mayRepeat && !(await accounts.hasSignedInWithin(userId, sessionId, RECENT_SECONDS)))
        throw passwordNeeded();
      const { commandId, requestId: correlationId, accessId = null } = context;
      const erased = await erase({ userId, commandId, correlationId, accessId }, erasure);
      endedSessions.note(erased.endedSessions);
      context.position = erased.position;
    },
  };
};

export abstract class AccountService extends tokenClass<ReturnType<typeof createAccountService>>() {}
