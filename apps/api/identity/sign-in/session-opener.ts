import { Injectable } from '@nestjs/common';
import type { Access } from '#access/access';
import { EndedSessions } from '#identity/sessions/ended-sessions';
import { NetworkMarks } from '#identity/sessions/network-marks';
import { hashOfRefreshToken, Sessions, type SessionToOpen } from '#identity/sessions/sessions';
import { AccessTokens } from '#identity/tokens/access-tokens';
import { siblingOf } from '#platform/ids/uuid';
import { tokenClass } from '#platform/token-class';
import type { ClientInfo } from '../../http/requests/client';
import { causeOf } from '../../http/requests/command-context';
import type { RequestContext } from '../../http/requests/request-context';
import type { TokensDto } from './identity.dto';

/** Dependencies of {@link createSessionOpener}. */
@Injectable()
export class SessionOpenerDeps {
  constructor(
    readonly sessions: Sessions,
    readonly accessTokens: AccessTokens,
    readonly markOf: NetworkMarks,
    readonly endedSessions: EndedSessions,
  ) {}
}

/** The tenant of a session, and the membership of the user in it. */
export interface SessionTenant {
  readonly id: string;
  readonly role: string;
  /** Identifies the membership, see `Member.since`. */
  readonly memberSince: number;
}

/** A session that a request opens. */
export interface NewSession extends Pick<SessionToOpen, 'userId' | 'method'> {
  /** Undefined for a session outside of all tenants. */
  readonly tenant: SessionTenant | undefined;
  /** What allows the user to get a session. It is checked again in the transaction that opens the session. */
  readonly proof: SessionToOpen['proof'];
}

/** The membership of the user who creates a tenant. */
export const FOUNDER = { role: 'owner', memberSince: 1 } as const;

/** The id of the session that a request opens. It is the same for each attempt at a command. */
const sessionIdOf = ({ commandId }: RequestContext): string => siblingOf(commandId, 'session');

/** The access by the session that a request opens: a new user has it already when their first event is appended. */
export const accessOfNewSession = ({ address, userAgent }: ClientInfo, context: RequestContext): Access => ({
  ...{ kind: 'session', credentialId: sessionIdOf(context), address, userAgent },
});

/** Opens sessions and issues their tokens, for every route that signs a user in. */
export const createSessionOpener = ({ sessions, accessTokens, markOf, endedSessions }: SessionOpenerDeps) => {
  /** Issues an access token for a session, and returns it together with the given refresh token. */
  const tokensFor = (
    userId: string,
    tenant: SessionTenant | undefined,
    sessionId: string,
    refreshToken: string,
  ): TokensDto => ({
    accessToken: accessTokens.issue({
      ...{ sub: userId, sid: sessionId },
      ...(tenant && { tid: tenant.id, role: tenant.role, mem: tenant.memberSince }),
    }),
    refreshToken,
    expiresIn: accessTokens.ttlSeconds,
  });

  return {
    tokensFor,
    /**
     * Opens a session in a tenant, or in no tenant if `tenant` is undefined. One command opens one session: the repeat
     * of a request whose answer was lost gets the session that is already open, with another refresh token.
     * @throws Problem unauthenticated, if the user is not active, the proof does not hold any more, or the session of
     *   the command has ended
     */
    open: async (
      { userId, tenant, method, proof }: NewSession,
      client: ClientInfo,
      context: RequestContext,
    ): Promise<TokensDto> => {
      context.answeredUser = userId;
      const { sessionId, refreshToken, ended } = await sessions.open({
        ...{ sessionId: sessionIdOf(context), userId, tenantId: tenant?.id ?? null, proof, method },
        ...{ memberSince: tenant?.memberSince ?? null, cause: causeOf(context) },
        ...{ access: accessOfNewSession(client, context), network: markOf(client.network) },
      });
      context.answeredTokenHash = hashOfRefreshToken(refreshToken);
      endedSessions.note(ended);
      return tokensFor(userId, tenant, sessionId, refreshToken);
    },
  };
};

export abstract class SessionOpener extends tokenClass<ReturnType<typeof createSessionOpener>>() {}
