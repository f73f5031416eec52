import type { CommandContext } from '#domain/command';
import { Problem } from '#platform/problems';
import type { AuthenticatedUser, Principal, RequestContext } from './request-context';

/** The signed-in user of a request. @throws Problem unauthenticated, on a route that lets strangers in */
export const authenticatedUserOf = ({ principal }: RequestContext): AuthenticatedUser => {
  if (!principal) throw new Problem('unauthenticated');
  return principal;
};

/** The same, in the tenant that they act in. @throws Problem forbidden, where that is none */
export const principalOf = (context: RequestContext): Principal => {
  const asker = authenticatedUserOf(context);
  if (asker.tenantId === undefined) throw actsInNone();
  return asker;
};

export const actsInNone = (): Problem =>
  new Problem('forbidden', {
    detail: 'This route needs a tenant, and your session has none. Switch to one of your tenants, or create one.',
  });

/** How a command hangs together with the request of a signed-in user. */
export const commandContextOf = (context: RequestContext): CommandContext => ({
  commandId: context.commandId,
  actor: { kind: 'user', id: authenticatedUserOf(context).userId },
  correlationId: context.requestId,
  mayRepeat: context.mayRepeat,
});
