import { Injectable } from '@nestjs/common';
import { AccessTokens } from '../../../../libs/identity/access-tokens';
import { NetworkMarks } from '../../../../libs/identity/network-marks';
import { Sessions } from '../../../../libs/identity/sessions';
import { siblingOf } from '../../../../libs/platform/ids/uuid';
import { tokenClass } from '../../../../libs/platform/token-class';
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

/** A company that somebody acts in, and what they are there. */
interface ActsIn {
  readonly id: string;
  readonly role: string;
}

/** Opens sessions and issues their tokens, for every route that lets somebody in. */
export const createSessionOpener = ({ sessions, accessTokens, markOf }: SessionOpenerDeps) => {
  const tokensFor = (
    userId: string,
    company: ActsIn | undefined,
    sessionId: string,
    refreshToken: string,
  ): TokensDto => ({
    accessToken: accessTokens.issue({ sub: userId, tid: company?.id, role: company?.role, sid: sessionId }),
    refreshToken,
    expiresIn: accessTokens.ttlSeconds,
  });

  return {
    tokensFor,
    /** In a company, or in none. One session a command: a repeat of the request whose answer was lost finds the one that it has opened. */
    open: async (
      userId: string,
      company: ActsIn | undefined,
      { userAgent, network }: ClientInfo,
      context: RequestContext,
    ): Promise<TokensDto> => {
      context.answeredUser = userId;
      const { sessionId, refreshToken } = await sessions.open(
        userId,
        company?.id ?? null,
        { userAgent, network: markOf(network) },
        siblingOf(context.commandId, 'session'),
      );
      return tokensFor(userId, company, sessionId, refreshToken);
    },
  };
};

export abstract class SessionOpener extends tokenClass<ReturnType<typeof createSessionOpener>>() {}
