import { applyDecorators, HttpCode, type Type } from '@nestjs/common';
import { ApiExtension, ApiExtraModels, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import type { ProblemName } from '#platform/problems';

/** An answer whose body has one of several classes. */
interface OneOf {
  readonly oneOf: readonly Type[];
}

/** The description of one route in the OpenAPI document. */
export interface Documentation {
  /**
   * `operationId`, from which clients are generated: a verb and its object, such as `createProject`. It never changes, and
   * no two routes have the same.
   */
  readonly id: string;
  /** What the route does, in one line. */
  readonly summary: string;
  /** Everything else that a client must know, with the reasons for 409 and 403 and what to do then. */
  readonly description: string;
  /** The problems that only this route can answer with; those of all routes are added. */
  readonly problems?: readonly ProblemName[];
  /** Class of the answer's body; `[Class]` for an array; `oneOf` if it depends on the request. */
  readonly response?: Type | [Type] | OneOf;
  /** Status of a successful answer, which is also what the route answers. Default: 201 for POST, 200 otherwise. */
  readonly status?: number;
  /** True if the answer has an `ETag`. Not needed if a write of the same path has an `@Preconditions()`. */
  readonly versioned?: boolean;
  /** False if a write stores no event, so that reads show it at once and the answer is never 202. Default: true. */
  readonly storesEvents?: boolean;
}

/** OpenAPI extension with the data of {@link Documented}. `completeDocument` removes it from the finished document. */
export const DOCUMENTATION = 'x-documentation';

/** OpenAPI extension of an operation whose method has an `@Preconditions()`. It is removed from the finished document. */
export const ACCEPTS_IF_MATCH = 'x-if-match';

export interface DocumentationExtension {
  readonly problems: readonly ProblemName[];
  readonly versioned: boolean;
  readonly storesEvents: boolean;
}

const isOneOf = (response: Type | [Type] | OneOf): response is OneOf => 'oneOf' in response;

/** The body of a successful answer, and the decorators that add its classes to the document. */
const bodyOf = (response: Type | [Type] | OneOf | undefined) => {
  if (response === undefined) return { body: {}, models: [] };
  if (!isOneOf(response)) return { body: { type: response }, models: [] };
  const schema = { oneOf: response.oneOf.map((type) => ({ $ref: getSchemaPath(type) })) };
  return { body: { schema }, models: [ApiExtraModels(...response.oneOf)] };
};

/** Documents a route, and sets the status that it answers. Headers and problems of all routes are added later. */
export const Documented = ({
  id,
  summary,
  description,
  problems = [],
  response,
  status,
  versioned = false,
  storesEvents = true,
}: Documentation): MethodDecorator => {
  const extension: DocumentationExtension = { problems, versioned, storesEvents };
  const { body, models } = bodyOf(response);
  return applyDecorators(
    ApiOperation({ operationId: id, summary, description }),
    ApiExtension(DOCUMENTATION, extension),
    ...models,
    ...(status === undefined ? [] : [HttpCode(status)]),
    ...(status !== undefined || response !== undefined
      ? [ApiResponse({ status: status ?? 'default', description: summary, ...body })]
      : []),
  );
};
