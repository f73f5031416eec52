/** An error in the form of Stripe's answers. */
export class SimError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    readonly code: string | undefined,
    message: string,
    readonly param?: string,
  ) {
    super(message);
  }
}

export const invalid = (message: string, param?: string, code = 'parameter_invalid'): SimError =>
  new SimError(400, 'invalid_request_error', code, message, param);
export const missing = (what: string, id: string): SimError =>
  new SimError(404, 'invalid_request_error', 'resource_missing', `No such ${what}: '${id}'`, 'id');
export const declined = (message = 'Your card was declined.', code = 'card_declined'): SimError =>
  new SimError(402, 'card_error', code, message);

/** The body of Stripe's answer for an error. */
export const errorBody = ({ type, code, message, param }: SimError): object => ({
  error: { type, message, ...(code && { code }), ...(param && { param }) },
});
