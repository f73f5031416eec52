import { Injectable } from '@nestjs/common';
import { NetworkMarks } from '#identity/sessions/network-marks';
import { Sessions } from '#identity/sessions/sessions';
import { AccessTokens } from '#identity/tokens/access-tokens';
import { siblingOf } from '#platform/ids/uuid';
import { tokenClass } from '#platform/token-class';
import type { ClientInfo } from '../../http/requests/client';
import type { RequestContext } from '../../http/requests/request-context';
import type { TokensDto } from './identity.dto';

/** What opening a session needs. */
@Injectable()
export class SessionOpenerDeps {
  constructor(
    readonly sessions: Sessions,
    readonly accessTokens: AccessTokens,
    readonly markOf: NetworkMarks,
  ) {}
}

/** A tenant that somebody acts in, and what they are there. */
interface ActsIn {
  readonly id: string;
  readonly role: string;
}

/** Opens sessions and issues their tokens, for every route that lets somebody in. */
export const createSessionOpener = ({ sessions, accessTokens, markOf }: SessionOpenerDeps) => {
  const tokensFor = (
    userId: string,
    tenant: ActsIn | undefined,
    sessionId: string,
    refreshToken: string,
  ): TokensDto => ({
    accessToken: accessTokens.issue({ sub: userId, tid: tenant?.id, role: tenant?.role, sid: sessionId }),
    refreshToken,
    expiresIn: accessTokens.ttlSeconds,
  });

  return {
    tokensFor,
    /** In a tenant, or in none. One session a command: a repeat of the request whose answer was lost finds the one that it has opened. */
    open: async (
      userId: string,
      tenant: ActsIn | undefined,
      { userAgent, network }: ClientInfo,
      context: RequestContext,
    ): Promise<TokensDto> => {
      context.answeredUser = userId;
      const { sessionId, refreshToken } = await sessions.open(
        userId,
        tenant?.id ?? null,
        { userAgent, network: markOf(network) },
        siblingOf(context.commandId, 'session'),
      );
      return tokensFor(userId, tenant, sessionId, refreshToken);
    },
  };
};

export abstract class SessionOpener extends tokenClass<ReturnType<typeof createSessionOpener>>() {}
