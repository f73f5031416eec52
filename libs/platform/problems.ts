/** The problems of the HTTP contract (RFC 9457): the last part of `type`, its status and its title. */
const CATALOGUE = {
  'validation-failed': [400, 'The request is not valid'],
  unauthenticated: [401, 'Sign in first'],
  'workspace-locked': [402, 'The tenant is locked'],
  'plan-limit-reached': [402, 'The limit of the plan is reached'],
  'feature-not-in-plan': [402, 'The plan does not include this feature'],
  forbidden: [403, 'Forbidden'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'not-acceptable': [406, 'Not acceptable'],
  'request-timeout': [408, 'The request did not arrive in time'],
  conflict: [409, 'The request conflicts with the present state'],
  'request-in-progress': [409, 'The same request is still in progress'],
  gone: [410, 'Gone'],
  'precondition-failed': [412, 'The resource has changed since you read it'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'Send application/json'],
  'idempotency-key-reused': [422, 'The idempotency key was used for another request'],
  'header-fields-too-large': [431, 'The header fields are too large'],
  'rate-limited': [429, 'Too many requests'],
  'internal-error': [500, 'Internal error'],
  'dependency-unavailable': [503, 'A required service is not available'],
  'read-model-behind': [503, 'The read model is not up to date yet'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemName = keyof typeof CATALOGUE;

export interface FieldError {
  /** JSON Pointer (RFC 6901) into the body, or `/query/<name>`, `/header/<name>`, `/path/<name>`. */
  readonly pointer: string;
  readonly message: string;
}

export interface ProblemDetails {
  /** One sentence for the user who reads it: what is wrong with this request and what to do. Never an internal text. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number;
  /** More members of the problem document, such as `limit` and `used`. */
  readonly members?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Thrown anywhere below a controller; the HTTP layer turns it into a problem document. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;

  constructor(
    readonly problem: ProblemName,
    readonly details: ProblemDetails = {},
    options?: ErrorOptions,
  ) {
    super(details.detail ?? CATALOGUE[problem][1], options);
    [this.status, this.title] = CATALOGUE[problem];
  }

  /** The URI path of the problem type. It never changes. */
  get type(): string {
    return `/problems/${this.problem}`;
  }
}

export const problemCatalogue: Readonly<Record<ProblemName, readonly [number, string]>> = CATALOGUE;
