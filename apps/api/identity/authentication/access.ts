import type { Permission } from '#domain/tenant/permissions';
import { IS_PUBLIC } from '../../http/contract/public.decorator';
import { REQUIRED_PERMISSION, SIGNED_IN } from '../../http/contract/require-permission.decorator';
import { FOR_OPERATORS } from '../../ops/operators.decorator';

/** Who may use a route. */
export interface Access {
  /** Everybody, also without an access token. */
  readonly isPublic: boolean;
  /** Only operators; an access token of a user is refused. */
  readonly operators: boolean;
  /**
   * The permission that a user needs, or {@link SIGNED_IN} for any signed-in user; undefined if no access token counts.
   */
  readonly requiredPermission: Permission | typeof SIGNED_IN | undefined;
}

/**
 * Reads the decorators of a route.
 * @param controller the class of the controller
 * @param handler the method of the controller
 * @throws Error if the route has none of the decorators, so that no route is open by mistake
 */
export const accessOf = (controller: object, handler: object): Access => {
  const metadataOf = (key: string): unknown =>
    Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
  const requiredPermission = Reflect.getMetadata(REQUIRED_PERMISSION, handler) as Access['requiredPermission'];
  const isPublic = metadataOf(IS_PUBLIC) === true;
  const operators = metadataOf(FOR_OPERATORS) === true && !isPublic;
  if (!isPublic && !operators && requiredPermission === undefined)
    throw new Error('a route has none of @RequirePermission(), @SignedIn(), @ForOperators() and @Public(): add one');
  return { isPublic, operators, requiredPermission };
};
