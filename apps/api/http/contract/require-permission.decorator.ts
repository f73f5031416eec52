import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { PERMISSIONS, type Permission } from '#domain/tenant/permissions';

/** Metadata of a route: the permission that it needs, or {@link OF_USER}. */
export const REQUIRED_PERMISSION = 'needs';
/** About the signed-in user, whatever they are in the tenant, and even where they belong to it no more. */
export const OF_USER = 'of-user';
/** Extension of an operation in the OpenAPI document: `{permission, roles}`. */
export const PERMISSION_EXTENSION = 'x-permission';

/** Extension of an operation that is about the signed-in user. */
export const OF_USER_EXTENSION = 'x-of-user';

/** The permission that a route needs, by the caller's live membership. Every route has it, `@OfUser()` or `@Public()`. */
export const RequirePermission = (permission: Permission): MethodDecorator =>
  applyDecorators(
    SetMetadata(REQUIRED_PERMISSION, permission),
    ApiExtension(PERMISSION_EXTENSION, { permission, roles: PERMISSIONS[permission] }),
  );

/**
 * A route about the signed-in user: no membership is asked for. Together with `@Public()` it is open to strangers too, and
 * the owner of the token is the user.
 */
export const OfUser = (): MethodDecorator =>
  applyDecorators(SetMetadata(REQUIRED_PERMISSION, OF_USER), ApiExtension(OF_USER_EXTENSION, true));
