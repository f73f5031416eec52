import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

/** Metadata key of {@link Public}; the authentication guard looks for it on the method, then on the class. */
export const IS_PUBLIC = 'tenantry:public';

/** Marks a route, or every route of a controller, that anyone may call without an access token. */
export const Public = (): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(IS_PUBLIC, true), ApiExtension('x-public', true));
