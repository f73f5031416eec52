import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtension, ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { ProblemName } from '#platform/problems';

export interface Documentation {
  /** One line: what the route does. */
  readonly summary: string;
  readonly description?: string;
  /** Problems of the route's own; those that every route has are added. */
  readonly problems?: readonly ProblemName[];
  /** The class of the answer's body; a list's is `[Class]`. */
  readonly response?: Type | [Type];
  /** The status of success, where `@HttpCode()` sets one; Nest's own for the method by default. */
  readonly status?: number;
  /** True where the answer carries an `ETag`; known by itself where a write of the same path takes `@IfMatch()`. */
  readonly versioned?: boolean;
}

/** Name of the extension under which the document carries what {@link Documented} adds, until it is finished. */
export const DOCUMENTATION = 'x-documentation';

/** The extension of an operation whose method asks for `@IfMatch()`. */
export const TAKES_IF_MATCH = 'x-if-match';

export interface DocumentationExtension {
  readonly problems: readonly ProblemName[];
  readonly versioned: boolean;
}

/** What the OpenAPI document says of a route; fields and problems that routes share are added to all of them. */
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
    ApiOperation({ summary, ...(description !== undefined && { description }) }),
    ApiExtension(DOCUMENTATION, extension),
    ...(status !== undefined || response !== undefined
      ? [ApiResponse({ status: status ?? 'default', description: summary, ...(response && { type: response }) })]
      : []),
  );
};
