import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { requestStateOf, type SignedInOperator } from '../http/requests/request-context';

/** Metadata key of {@link ForOperators}. */
export const FOR_OPERATORS = 'tenantry:operators';
/** OpenAPI extension of an operation for operators. */
export const OPERATOR_EXTENSION = 'x-operator';

/** Marks a route, or every route of a controller, that requires an operator token and accepts no access token. */
export const ForOperators = (): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(FOR_OPERATORS, true), ApiExtension(OPERATOR_EXTENSION, true));

/**
 * Parameter of a controller's method: the operator of the request.
 * @throws Error the route is not marked with {@link ForOperators}
 */
export const CurrentOperator = createParamDecorator((_: unknown, execution: ExecutionContext): SignedInOperator => {
  const { operator } = requestStateOf(execution.switchToHttp().getRequest());
  if (!operator) throw new Error('a route with @CurrentOperator() has no @ForOperators(); add the decorator');
  return operator;
});
