import type { Operator } from '#identity/tokens/operator-tokens';
import { escaped, page } from '../invitations/page/page';
import { BOARD_PATH, LOGIN_PATH } from './paths';

/**
 * The form by which an operator signs in.
 * @param next the path to come back to
 * @param problem what went wrong
 */
export const loginPage = (next: string, problem?: string): string =>
  page(
    'Operators',
    `<h1>Operators</h1>
<p>Sign in with the token that <code>tenantry operators token</code> prints.</p>
${problem ? `<p class="problem" role="alert">${escaped(problem)}</p>` : ''}
<form method="post" action="${LOGIN_PATH}">
<input type="hidden" name="next" value="${escaped(next)}">
<div class="field">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required${problem ? ' aria-invalid="true"' : ''}>
</div>
<button>Sign in</button>
</form>`,
  );

/** Where an operator begins. */
export const homePage = ({ name, expiresAt }: Operator): string =>
  page(
    'Operators',
    `<h1>Operators</h1>
<p>You are <strong>${escaped(name)}</strong>, until ${new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC.</p>
<p><a href="${BOARD_PATH}">Jobs</a></p>
<form method="post" action="/ops/logout">
<button>Sign out</button>
</form>`,
  );
