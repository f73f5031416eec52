import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

/** Metadata key of {@link Public}. The authentication guard reads it from the method, then from the class. */
export const IS_PUBLIC = 'tenantry:public';

/** Marks a route, or every route of a controller, that can be called without an access token. */
export const Public = (): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(IS_PUBLIC, true), ApiExtension('x-public', true));
