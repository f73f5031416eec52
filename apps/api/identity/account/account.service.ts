import type { Accounts, ProfileSeen } from '#identity/accounts';
import type { Passwords } from '#identity/passwords';
import { type ErasureDeps, erase } from '#identity/sagas/erasure';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import { notFound } from '../../http/problems/not-found';
import type { ClientInfo } from '../../http/requests/client';
import { authenticatedUserOf } from '../../http/requests/command-context';
import type { RequestContext } from '../../http/requests/request-context';
import { invalid } from '../../http/validation/validation';
import type { SignInDeps } from '../sign-in/identity-deps';
import type { ChangePasswordDto, ChangeProfileDto, EraseDto, SwitchedDto } from './account.dto';

export interface AccountDeps extends SignInDeps {
  readonly accounts: Accounts;
  readonly passwords: Passwords;
  readonly erasure: ErasureDeps;
}

/** 403 and not 401: the session is good, and a client must not take it for over. */
const wrongPassword = (): Problem => new Problem('forbidden', { detail: 'The current password is wrong.' });
/** Of a write with `If-Match`. */
export const changed = (): Problem => new Problem('precondition-failed', {});
const gone = (): Problem => new Problem('unauthenticated', { detail: 'This account no longer exists.' });

/** What people do with their own accounts and sessions. */
export const createAccountService = ({
  accounts,
  passwords,
  ended,
  erasure,
  check,
  opener,
  liveTenant,
}: AccountDeps) => {
  /** The hash that the password fits; undefined where it does not. @throws Problem rate-limited */
  const hashFitting = async (userId: string, network: string, password: string): Promise<string | undefined> => {
    const stored = await accounts.findPassword(userId);
    if (!stored) throw gone();
    const { emailKey: account, passwordHash } = stored;
    // Anyone who has a session of theirs is no stranger to the account.
    const found = await check({ account, network, password }, async () => ({ passwordHash, familiar: true }));
    return found?.passwordHash;
  };

  /** @throws Problem forbidden, rate-limited */
  const confirm = async (userId: string, network: string, password: string): Promise<string> => {
    const hash = await hashFitting(userId, network, password);
    if (hash === undefined) throw wrongPassword();
    return hash;
  };

  return {
    switchTo: async (tenantId: string, context: RequestContext, client: ClientInfo): Promise<SwitchedDto> => {
      const { userId } = authenticatedUserOf(context);
      const tenant = await liveTenant(tenantId, userId);
      if (!tenant)
        throw new Problem('not-found', { detail: 'You are not a member of this tenant, or it does not exist.' });
      return { tenant, ...(await opener.open(userId, tenant, client, context)) };
    },

    endSession: async (sessionId: string, context: RequestContext): Promise<void> => {
      if (!(await accounts.endSession(authenticatedUserOf(context).userId, sessionId))) throw notFound('session');
      ended.note([sessionId]);
    },

    changePassword: async (change: ChangePasswordDto, context: RequestContext, client: ClientInfo): Promise<void> => {
      const { userId, sessionId } = authenticatedUserOf(context);
      const fitting = (password: string) => hashFitting(userId, client.network, password);
      const before = await fitting(change.currentPassword);
      // An earlier attempt of this very request may have put the new one in its place; asking counts like any other try.
      const set = before === undefined && context.mayRepeat ? await fitting(change.newPassword) : undefined;
      const old = before ?? set;
      if (old === undefined) throw wrongPassword();
      const next = set ?? (await passwords.hash(change.newPassword));
      const endedIds = await accounts.changePassword(userId, old, next, sessionId);
      if (!endedIds)
        throw new Problem('conflict', { detail: 'The password was changed by another request. Try again.' });
      ended.note(endedIds);
    },

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
        await confirm(userId, client.network, currentPassword);
      }
      const outcome = await accounts.changeProfile(userId, { name, email }, seen);
      if (outcome === 'gone') throw gone();
      if (outcome === 'stale') throw changed();
      if (outcome === 'taken')
        throw new Problem('conflict', { detail: 'An account with this e-mail address already exists.' });
    },

    erase: async ({ currentPassword }: EraseDto, context: RequestContext, client: ClientInfo): Promise<void> => {
      const { userId } = authenticatedUserOf(context);
      if (currentPassword !== undefined) await confirm(userId, client.network, currentPassword);
      const { commandId, requestId: correlationId } = context;
      const { position, endedSessions } = await erase({ userId, commandId, correlationId }, erasure);
      ended.note(endedSessions);
      context.position = position;
    },
  };
};

export abstract class AccountService extends tokenClass<ReturnType<typeof createAccountService>>() {}
