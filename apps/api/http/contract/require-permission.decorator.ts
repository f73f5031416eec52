import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { PERMISSIONS, type Permission } from '#domain/tenant/permissions';

/** Metadata key of a route: its value is the permission that the route requires, or {@link SIGNED_IN}. */
export const REQUIRED_PERMISSION = 'tenantry:permission';
/** Value for a route about the signed-in user: any role may use it, and also a user who is no longer a member. */
export const SIGNED_IN = 'of-user';
/** OpenAPI extension of an operation that requires a permission: `{permission, roles}`. */
export const PERMISSION_EXTENSION = 'x-permission';

/** OpenAPI extension of an operation about the signed-in user; its value is `true`. */
export const SIGNED_IN_EXTENSION = 'x-signed-in';

/**
 * The permission that a route requires. The guard checks it against the present membership of the user. Every route has
 * this decorator, `@SignedIn()`, `@ForOperators()` or `@Public()`.
 */
export const RequirePermission = (permission: Permission): MethodDecorator =>
  applyDecorators(
    SetMetadata(REQUIRED_PERMISSION, permission),
    ApiExtension(PERMISSION_EXTENSION, { permission, roles: PERMISSIONS[permission] }),
  );

/**
 * Marks a route about the signed-in user, which requires no membership. Together with `@Public()` the route can also be
 * called without an access token; with one, the owner of the token is the user.
 */
export const SignedIn = (): MethodDecorator =>
  applyDecorators(SetMetadata(REQUIRED_PERMISSION, SIGNED_IN), ApiExtension(SIGNED_IN_EXTENSION, true));
