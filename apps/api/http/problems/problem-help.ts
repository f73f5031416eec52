import type { ProblemName } from '#platform/problems';

/** For each problem its meaning and the advice to the caller, for the problem pages and the OpenAPI document. */
export const PROBLEM_HELP: Readonly<Record<ProblemName, string>> = {
  'validation-failed':
    'A part of the request is not valid, so nothing was changed. `errors` lists each wrong field and what is expected there. Correct the fields and send the request again.',
  unauthenticated: 'The access token is missing, not valid or expired. Sign in, or refresh the tokens.',
  'workspace-locked':
    'The tenant is locked, because a payment is missing or the subscription is paused. Writes are blocked, and later also reads. An owner can unlock the tenant by paying; `billingUrl` is the path of the route that shows what must be paid.',
  'plan-limit-reached':
    'The limit of the plan is reached. `limit` is the limit, and `used` is the present use. Delete or archive what you do not need, or let an owner change to the plan in `upgradeTo`, which allows more.',
  'feature-not-in-plan':
    'The plan does not include this feature. Send the request without it, or let an owner change to the plan in `upgradeTo`, which includes it.',
  forbidden:
    'You are signed in but not allowed to do this. `detail` names the role that is needed, or another reason. Ask an owner of the tenant to change your role.',
  'not-found':
    'The resource does not exist in this tenant. Resources of other tenants are never found. Check the id, and the tenant of your access token.',
  'method-not-allowed':
    'The path exists, but it does not accept this method. `Allow` lists the methods that it accepts.',
  'not-acceptable': 'None of the media types in `Accept` can be produced. Accept `application/json`.',
  'request-timeout': 'The request did not arrive completely within the time limit. Send it again.',
  conflict:
    'The request conflicts with the present state, so nothing was changed. `detail` says why. Read the resource again and decide whether to repeat the request.',
  'request-in-progress':
    'The first request with this Idempotency-Key is still in progress. Repeat the request later to get its answer.',
  gone: 'The resource existed and was removed permanently. Do not request it again.',
  'precondition-failed':
    'The resource has changed since you read the version in `If-Match`, so nothing was changed. Read it again, then repeat the change with the new `ETag`.',
  'body-too-large': 'The body is larger than 256 KiB. Send a smaller one.',
  'unsupported-media-type': 'The body must be application/json in UTF-8, without a Content-Encoding.',
  'idempotency-key-reused':
    'This Idempotency-Key was already used for another request. Use a new key for each request.',
  'header-fields-too-large': 'The header fields, or the path with its query, are larger than 16 KiB. Send less.',
  'rate-limited': 'There were too many requests. Wait for the seconds in `Retry-After`.',
  'internal-error': 'The server has an error. Report the `requestId` to its operator.',
  'dependency-unavailable':
    'A service that this request needs is not available. Try again after the seconds in `Retry-After`.',
  'read-model-behind':
    'The write is stored, but the read model has not processed it yet. Try again after the seconds in `Retry-After`.',
};
