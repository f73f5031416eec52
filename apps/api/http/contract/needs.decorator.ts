import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { PERMISSIONS, type Permission } from '../../../../libs/domain/tenant/permissions';

/** Metadata of a route: the permission that it needs, or {@link OF_PERSON}. */
export const NEEDS = 'needs';
/** About the signed-in person, whatever they are in the company, and even where they belong to it no more. */
export const OF_PERSON = 'of-person';
/** Extension of an operation in the OpenAPI document: `{permission, roles}`. */
export const PERMISSION_EXTENSION = 'x-permission';

/** Extension of an operation that is about the signed-in person. */
export const OF_PERSON_EXTENSION = 'x-of-person';

/** The permission that a route needs, by the caller's live membership. Every route has it, `@OfPerson()` or `@Public()`. */
export const Needs = (permission: Permission): MethodDecorator =>
  applyDecorators(
    SetMetadata(NEEDS, permission),
    ApiExtension(PERMISSION_EXTENSION, { permission, roles: PERMISSIONS[permission] }),
  );

/**
 * A route about the signed-in person: no membership is asked for. Together with `@Public()` it is open to strangers too, and
 * anyone who brings a token is who it says.
 */
export const OfPerson = (): MethodDecorator =>
  applyDecorators(SetMetadata(NEEDS, OF_PERSON), ApiExtension(OF_PERSON_EXTENSION, true));
