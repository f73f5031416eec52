import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtension, ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { ProblemName } from '#platform/problems';

/** The description of one route in the OpenAPI document. */
export interface Documentation {
  /** What the route does, in one line. */
  readonly summary: string;
  /** Everything else that a client must know, with the reasons for 409 and 403 and what to do then. */
  readonly description: string;
  /** The problems that only this route can answer with; those of all routes are added. */
  readonly problems?: readonly ProblemName[];
  /** Class of the answer's body; `[Class]` for an array. */
  readonly response?: Type | [Type];
  /** Status of a successful answer, if `@HttpCode()` sets it; the default of Nest for the method otherwise. */
  readonly status?: number;
  /** True if the answer has an `ETag`. Not needed if a write of the same path has an `@IfMatch()`. */
  readonly versioned?: boolean;
}

/** OpenAPI extension with the data of {@link Documented}. `completeDocument` removes it from the finished document. */
export const DOCUMENTATION = 'x-documentation';

/** OpenAPI extension of an operation whose method has an `@IfMatch()`. It is removed from the finished document. */
export const ACCEPTS_IF_MATCH = 'x-if-match';

export interface DocumentationExtension {
  readonly problems: readonly ProblemName[];
  readonly versioned: boolean;
}

/** Documents a route. Headers and problems that are common to all routes are added later. */
export const Documented = ({
  summary,
  description,
  problems = [],
  response,
  status,
  versioned = false,
}: Documentation): MethodDecorator => {
  const extension: DocumentationExtension = { problems, versioned };
  return applyDecorators(
    ApiOperation({ summary, description }),
    ApiExtension(DOCUMENTATION, extension),
    ...(status !== undefined || response !== undefined
      ? [ApiResponse({ status: status ?? 'default', description: summary, ...(response && { type: response }) })]
      : []),
  );
};
