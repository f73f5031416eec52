import type { CommandContext } from '../../../libs/domain/command';
import { Problem } from '../../../libs/platform/problems';
import type { Principal, RequestContext } from './request-context';

/** The signed-in person of a request. @throws Problem unauthenticated, on a route that lets strangers in */
export const principalOf = ({ principal }: RequestContext): Principal => {
  if (!principal) throw new Problem('unauthenticated');
  return principal;
};

/** How a command hangs together with the request of a signed-in person. */
export const commandContextOf = (context: RequestContext): CommandContext => ({
  commandId: context.commandId,
  actor: { kind: 'person', id: principalOf(context).personId },
  correlationId: context.requestId,
  mayRepeat: context.mayRepeat,
});
