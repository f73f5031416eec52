import type { Permission } from '#domain/tenant/permissions';
import { IS_PUBLIC } from '../../http/contract/public.decorator';
import { OF_USER, REQUIRED_PERMISSION } from '../../http/contract/require-permission.decorator';
import { FOR_OPERATORS } from '../../ops/operators.decorator';

/** Who may use a route. */
export interface Access {
  /** Strangers too. */
  readonly anyone: boolean;
  /** Operators, and nobody with an access token. */
  readonly operators: boolean;
  /** A permission in the tenant, or that it is about the signed-in user; undefined where no token counts. */
  readonly needs: Permission | typeof OF_USER | undefined;
}

/**
 * What the decorators of a route say.
 * @param handler the controller's method
 * @throws Error where none of them is there: nobody may have forgotten to decide
 */
export const accessOf = (controller: object, handler: object): Access => {
  const marked = (key: string): unknown => Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
  const needs = Reflect.getMetadata(REQUIRED_PERMISSION, handler) as Access['needs'];
  const anyone = marked(IS_PUBLIC) === true;
  const operators = marked(FOR_OPERATORS) === true && !anyone;
  if (!anyone && !operators && needs === undefined)
    throw new Error('a route has neither @Needs() nor @OfUser() nor @Operators() nor @Public()');
  return { anyone, operators, needs };
};
