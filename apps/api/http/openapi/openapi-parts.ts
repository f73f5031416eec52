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
    'Makes it safe to repeat this request: within 24 hours, requests with the same key and body take effect once and get the same answer.',
    text(255),
  ),
  'If-Match': parameter(
    'If-Match',
    'The `ETag` of the version that you want to change, such as `"7"`. The answer is 412 if the resource has changed since.',
    text(),
  ),
  'If-None-Match': parameter(
    'If-None-Match',
    'The `ETag` of the version that you have, such as `"7"`. The answer is 304 if it is still current.',
    text(),
  ),
  'If-Position': parameter(
    'If-Position',
    'A `Position` from the answer to an earlier write. The answer to this read includes that write.',
    text(22),
  ),
  'X-Request-Id': parameter(
    'X-Request-Id',
    'Your id for this request. It is returned in the answer, logged, and stored with each event that the request causes.',
    {
      type: 'string',
      pattern: '^[A-Za-z0-9._:-]{1,128}$',
    },
  ),
  traceparent: parameter(
    'traceparent',
    'W3C trace context. The trace id is logged; it is the request id if there is no `X-Request-Id`.',
    text(),
  ),
} as const;

/** Of every answer. */
export const ANSWER_HEADERS = {
  'X-Request-Id': field('Id of this request in logs and events.'),
  RateLimit: field(
    'Requests left in the present window (`r`), and seconds until the limit is reset (`t`).',
    text(),
    '"tenant";r=5999;t=60',
  ),
  'RateLimit-Policy': field(
    'Requests allowed in a window (`q`), and length of the window in seconds (`w`).',
    text(),
    '"tenant";q=6000;w=60',
  ),
  'Retry-After': field('Seconds to wait before the next attempt.', { type: 'integer' }, '1'),
  ETag: field('Version of the resource in this answer.', text(), '"7"'),
} as const;

/** Of the answers of writes. */
export const WRITE_HEADERS = {
  Position: field(
    'Position of this write in the event log. Send it as `If-Position` with a read to see the write. Missing if no event was written.',
    text(22),
  ),
  'Idempotent-Replayed': field(
    '`true` if this is the stored answer of an earlier request with the same `Idempotency-Key`.',
    {
      type: 'boolean',
    },
  ),
} as const;

export const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'requestId'],
  additionalProperties: true,
  properties: {
    type: {
      type: 'string',
      description: 'Stable path that identifies the kind of problem.',
      example: '/problems/not-found',
    },
    title: { type: 'string', description: 'Short name of the problem. It is the same for every problem of this type.' },
    status: { type: 'integer' },
    detail: {
      type: 'string',
      description: 'What is wrong with this request and what to do, as text for a human reader.',
    },
    instance: { type: 'string', description: 'Path of the request.' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: {
          pointer: {
            type: 'string',
            description: 'JSON Pointer to the field in the body, or `/query/<name>`, `/header/<name>`, `/path/<name>`.',
          },
          message: { type: 'string' },
        },
      },
    },
  },
};
