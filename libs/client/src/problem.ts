import type { components } from './schema.js';

type Problem = components['schemas']['Problem'];

/** An answer with a problem document (RFC 9457) in place of what was requested. */
export class TenantryProblem extends Error {
  override readonly name = 'TenantryProblem';
  constructor(
    /** The problem document. `type` identifies the kind of problem, and `detail` says what to do. */
    readonly problem: Problem,
  ) {
    super(`${problem.status} ${problem.title}${problem.detail === undefined ? '' : `: ${problem.detail}`}`);
  }
}

/**
 * The body of a successful answer.
 * @throws TenantryProblem the request was refused, or failed
 */
export const unwrap = <Data>({ data, error }: { readonly data?: Data; readonly error?: Problem | undefined }): Data => {
  if (error !== undefined) throw new TenantryProblem(error);
  return data as Data;
};
