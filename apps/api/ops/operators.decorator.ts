import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Operator } from '#identity/tokens/operator-tokens';
import { requestStateOf } from '../http/requests/request-context';

/** Metadata of a route: it is for operators, and for nobody else. */
export const FOR_OPERATORS = 'tenantry:operators';
/** The same as an extension of an operation, before the document is complete. */
export const OPERATOR_EXTENSION = 'x-operator';

/** Marks a route, or every route of a controller, that takes an operator's credential and no access token. */
export const ForOperators = (): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(FOR_OPERATORS, true), ApiExtension(OPERATOR_EXTENSION, true));

/** Hands who operates to a method of a controller for {@link ForOperators}. */
export const CurrentOperator = createParamDecorator((_: unknown, execution: ExecutionContext): Operator => {
  const { operator } = requestStateOf(execution.switchToHttp().getRequest());
  if (!operator) throw new Error('a route that is not for operators asks who operates');
  return operator;
});
