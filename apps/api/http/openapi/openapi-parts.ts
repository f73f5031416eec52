/** The parameters, headers and schemas of the OpenAPI document to which operations refer. */

const text = (maxLength?: number) => ({ type: 'string', ...(maxLength !== undefined && { maxLength }) });
const header = (description: string, schema: object = text(), example?: string) => ({
  description,
  schema,
  ...(example !== undefined && { example }),
});
// A parameter has no example, because swagger-ui would send it with every request.
const parameter = (name: string, description: string, schema: object) => ({
  name,
  in: 'header' as const,
  required: false,
  ...header(description, schema),
});

export const PARAMETERS = {
  'Idempotency-Key': parameter(
    'Idempotency-Key',
    'A new random text for each write, such as a UUID: 1 to 255 printable ASCII characters. It makes it safe to repeat the write: for 24 hours, requests with the same key and body take effect once, and get the same answer if it was successful. A refused write runs again.',
    text(255),
  ),
  'If-Match': parameter(
    'If-Match',
    'The `ETag` of the version that you want to change, or several of them separated by commas. If the resource has another version, nothing is changed and the answer is 412: read the resource again. Without this header, the present version is changed.',
    text(),
  ),
  'If-None-Match': parameter(
    'If-None-Match',
    'The `ETag` of the version that you have. If it is still current, the answer is 304 without a body.',
    text(),
  ),
  'If-Position': parameter(
    'If-Position',
    'The header `Position` from the answer to an earlier write in the same tenant. The answer to this read then includes that write, or is 503 if the write cannot be read yet.',
    text(22),
  ),
  'X-Request-Id': parameter(
    'X-Request-Id',
    'Your id for this request: 1 to 128 letters, digits and `. _ : -`. It is returned in the answer, logged, and stored with each event that the request causes. If it is missing or malformed, the server creates an id.',
    {
      type: 'string',
      pattern: '^[A-Za-z0-9._:-]{1,128}$',
    },
  ),
  traceparent: parameter(
    'traceparent',
    'Trace context in the format of the W3C recommendation. The trace id in it is logged; it is also the request id if there is no `X-Request-Id`.',
    text(),
  ),
} as const;

/** Headers of every answer; `ETag` only of answers about a resource with versions. */
export const ANSWER_HEADERS = {
  'X-Request-Id': header('Id of this request in logs and events. Include it when you report an error.'),
  RateLimit: header(
    'For each limit: its name, the requests left in the present window (`r`), and the seconds until the window ends and the count starts again (`t`).',
    text(),
    '"tenant";r=5999;t=60',
  ),
  'RateLimit-Policy': header(
    'For each limit: its name, the requests allowed in a window (`q`), and the length of the window in seconds (`w`).',
    text(),
    '"tenant";q=6000;w=60',
  ),
  'Retry-After': header(
    'Whole seconds to wait before the next attempt. Only sent if the same request can succeed later.',
    { type: 'integer' },
    '1',
  ),
  ETag: header(
    'Version of the resource in this answer. Send it as `If-Match` with a change, or as `If-None-Match` with the next read.',
    text(),
    '"7.Zm9vYmFy"',
  ),
} as const;

/** Headers of answers with one status. */
export const STATUS_HEADERS = {
  'WWW-Authenticate': header('`Bearer`: the access token is sent in the header `Authorization` (RFC 6750).'),
  Location: header('The page to which the browser is redirected.'),
} as const;

/** Headers of the answers to writes. */
export const WRITE_HEADERS = {
  Position: header(
    'Position of this write in the event log, as an opaque text of 22 characters. Send it as `If-Position` with a read to see the write. Missing if the request stored no event.',
    text(22),
  ),
  'Idempotent-Replayed': header(
    '`true` if this is the stored answer of an earlier request with the same `Idempotency-Key`; otherwise the header is missing.',
    {
      type: 'boolean',
    },
  ),
} as const;

export const PROBLEM_SCHEMA = {
  type: 'object',
  description:
    'Answer to a request that failed: a problem document (RFC 9457). Some problems have more members than these, such as `limit` and `used`.',
  required: ['type', 'title', 'status', 'requestId'],
  additionalProperties: true,
  properties: {
    type: {
      type: 'string',
      description: 'Stable path that identifies the kind of problem.',
      example: '/problems/not-found',
    },
    title: { type: 'string', description: 'Short name of the problem. It is the same for every problem of this type.' },
    status: { type: 'integer', description: 'HTTP status of the answer, for example 404.' },
    detail: {
      type: 'string',
      description:
        'What is wrong with this request and what to do, as a text for the user. Missing if `title` says everything.',
    },
    instance: { type: 'string', description: 'Path of the request, without its query.' },
    requestId: {
      type: 'string',
      description: 'Id of this request in logs and events. Include it when you report an error.',
    },
    errors: {
      type: 'array',
      description:
        'One entry for each wrong field, at most 100. Only with `validation-failed`. Missing if the error does not concern single fields.',
      items: {
        type: 'object',
        description: 'One wrong field of the request.',
        required: ['pointer', 'message'],
        properties: {
          pointer: {
            type: 'string',
            description:
              'Which field is wrong: a JSON Pointer (RFC 6901) to the field in the body, or `/query/<name>`, `/header/<name>`, `/path/<name>`. Empty for the whole body.',
          },
          message: {
            type: 'string',
            description:
              'What is expected of the field, such as `is required`. To show it to a user, write the name of the field before it.',
          },
        },
      },
    },
  },
};
