import { Refusal, type RefusalReason } from '#domain/refusal';
import { Problem } from '#platform/problems';
import { invalid } from '../http/validation/validation';
import type { AcceptDto } from './invitation.dto';

/** One answer for a link that is unknown, revoked, used up or expired, or whose tenant is closed. */
export const invitationUnusable = (): Problem =>
  new Problem('not-found', {
    detail: 'This invitation cannot be used. It may be revoked, used up or expired. Ask for a new one.',
  });

/** Refusals that show the plan, the use or the payment state of the tenant. Only its members may see them. */
const CONFIDENTIAL: ReadonlySet<RefusalReason> = new Set([
  'plan-limit-reached',
  'feature-not-in-plan',
  'workspace-locked',
]);

/** @param refusal is recorded for the audit of the tenant, and not shown to the user who wants to join */
const notNow = (refusal: Refusal): Problem =>
  new Problem(
    'conflict',
    { detail: 'This invitation cannot be used at present. Ask the person who invited you, or try again later.' },
    { cause: refusal },
  );

/** One answer for a wrong password, and for an unknown address that is sent without the name for a new account. */
export const wrongCredentials = (): Problem =>
  new Problem('unauthenticated', { detail: 'The e-mail address or the password is wrong.' });

/** Another request is creating the account. */
export const joinInProgress = (): Problem =>
  new Problem('conflict', {
    detail: 'Another request is joining or signing up with this e-mail address. Try again.',
  });

/** An access token and an address in one request would name two users. @throws Problem validation-failed */
export const refuseSecondIdentity = ({ personName, email, password }: AcceptDto): void => {
  const sent = Object.entries({ personName, email, password }).filter(([, value]) => value !== undefined);
  if (sent.length > 0)
    throw invalid(sent.map(([name]) => ({ pointer: `/${name}`, message: 'must not be sent with an access token' })));
};

/** The error that a user who wants to join receives for an error of the join: without secrets of the tenant. */
export const publicError = (error: unknown): unknown => {
  if (!(error instanceof Refusal)) return error;
  if (error.reason === 'not-found') return invitationUnusable();
  return CONFIDENTIAL.has(error.reason) ? notNow(error) : error;
};
