/** What the OpenAPI document says once and every operation refers to. */

const text = (maxLength?: number) => ({ type: 'string', ...(maxLength !== undefined && { maxLength }) });
const field = (description: string, schema: object = text(), example?: string) => ({
  description,
  schema,
  ...(example !== undefined && { example }),
});
// Without an example: the page that tries requests out would send it.
const parameter = (name: string, description: string, schema: object) => ({
  name,
  in: 'header' as const,
  required: false,
  ...field(description, schema),
});

export const PARAMETERS = {
  'Idempotency-Key': parameter(
    'Idempotency-Key',
    'Makes it safe to repeat this request: the same key and body within 24 hours have one effect and one answer.',
    text(255),
  ),
  'If-Match': parameter(
    'If-Match',
    'The `ETag` that the change was decided on, such as `"7"`; 412 where it is out of date.',
    text(),
  ),
  'If-None-Match': parameter(
    'If-None-Match',
    'The `ETag` that you have, such as `"7"`; 304 where it is still the one.',
    text(),
  ),
  'If-Position': parameter(
    'If-Position',
    'A `Position` of yours: the answer shows what was written up to there.',
    text(22),
  ),
  'X-Request-Id': parameter('X-Request-Id', 'Your name for this request: echoed, logged, written to each event.', {
    type: 'string',
    pattern: '^[A-Za-z0-9._:-]{1,128}$',
  }),
  traceparent: parameter(
    'traceparent',
    'W3C trace context; the trace id is logged, and names the request without an `X-Request-Id`.',
    text(),
  ),
} as const;

/** Of every answer. */
export const ANSWER_HEADERS = {
  'X-Request-Id': field('The name of this request in logs and events.'),
  RateLimit: field(
    'What is left of the limit (`r`), and the seconds until it is whole again (`t`).',
    text(),
    '"tenant";r=5999;t=60',
  ),
  'RateLimit-Policy': field('The limit (`q`) and its window in seconds (`w`).', text(), '"tenant";q=6000;w=60'),
  'Retry-After': field('Seconds to wait.', { type: 'integer' }, '1'),
  ETag: field('The version of what is shown.', text(), '"7"'),
} as const;

/** Of the answers of writes. */
export const WRITE_HEADERS = {
  Position: field(
    'Where this write lies; a read with it in `If-Position` shows the write. Left out where nothing was added to the history.',
    text(22),
  ),
  'Idempotent-Replayed': field('`true` where this is the answer that the same request had before.', {
    type: 'boolean',
  }),
} as const;

export const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'requestId'],
  additionalProperties: true,
  properties: {
    type: { type: 'string', description: 'A stable path that names the problem.', example: '/problems/not-found' },
    title: { type: 'string', description: 'The problem in a few words, always the same.' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong with this request, for the person who reads it.' },
    instance: { type: 'string', description: 'The path of the request.' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: {
          pointer: { type: 'string', description: 'JSON Pointer into the body, or /query/…, /header/…, /path/…' },
          message: { type: 'string' },
        },
      },
    },
  },
};
