import type { CommandContext } from '#domain/command';
import type { FactCause } from '#identity/facts/cause';
import { Problem } from '#platform/problems';
import type { AuthenticatedUser, Principal, RequestContext } from './request-context';

/**
 * The signed-in user of a request.
 * @throws Problem unauthenticated: the route is public and the request has no access token
 */
export const authenticatedUserOf = ({ principal }: RequestContext): AuthenticatedUser => {
  if (!principal) throw new Problem('unauthenticated');
  return principal;
};

/**
 * The signed-in user of a request, with the tenant of the access token.
 * @throws Problem unauthenticated: the request has no access token
 * @throws Problem forbidden: the access token has no tenant
 */
export const principalOf = (context: RequestContext): Principal => {
  const user = authenticatedUserOf(context);
  if (user.tenantId === undefined) throw tenantRequired();
  return user;
};

/** The problem of a request that needs a tenant, with an access token that has none. */
export const tenantRequired = (): Problem =>
  new Problem('forbidden', {
    detail: 'This route needs a tenant, and your session has none. Switch to one of your tenants, or create one.',
  });

/**
 * The context of a command that a signed-in user has requested.
 * @throws Problem unauthenticated: the request has no access token
 */
export const commandContextOf = (context: RequestContext): CommandContext =>
  contextOfUser(authenticatedUserOf(context).userId, context.accessId, context);

/**
 * The context of a command of a user whose identity the request has proved, with or without an access token.
 * @param accessId the id of the access record; undefined if the route has none
 */
export const contextOfUser = (
  userId: string,
  accessId: string | undefined,
  { commandId, requestId, mayRepeat }: Pick<RequestContext, 'commandId' | 'requestId' | 'mayRepeat'>,
): CommandContext => ({
  ...{ commandId, actor: { kind: 'user', id: userId }, correlationId: requestId, mayRepeat },
  ...accessIdField({ accessId }),
});

/** The cause of the facts of sign-in that a request stores. */
export const causeOf = ({ requestId, accessId }: Pick<RequestContext, 'requestId' | 'accessId'>): FactCause => ({
  correlationId: requestId,
  accessId,
});

/** The field of a command's context that names the access record of the request. */
export const accessIdField = ({ accessId }: Pick<RequestContext, 'accessId'>): Pick<CommandContext, 'accessId'> =>
  accessId === undefined ? {} : { accessId };
