import type { SignedInOperator } from '../http/requests/request-context';
import { escapeHtml, page } from '../invitations/page/page';
import { BOARD_PATH, LOGIN_PATH } from './paths';

/**
 * The login page of operators.
 * @param next path under /ops to which the browser is redirected after the sign-in
 * @param problem message about the last attempt, as plain text
 */
export const loginPage = (next: string, problem?: string): string =>
  page(
    'Operators',
    `<h1>Operators</h1>
<p>Sign in with the token that <code>tenantry operators token</code> prints.</p>
${problem ? `<p class="problem" role="alert">${escapeHtml(problem)}</p>` : ''}
<form method="post" action="${LOGIN_PATH}">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<div class="field">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required${problem ? ' aria-invalid="true"' : ''}>
</div>
<button>Sign in</button>
</form>`,
  );

/** The start page of operators. */
export const homePage = ({ name, expiresAt }: SignedInOperator): string =>
  page(
    'Operators',
    `<h1>Operators</h1>
<p>You are signed in as <strong><bdi>${escapeHtml(name)}</bdi></strong> until ${new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC.</p>
<p><a href="${BOARD_PATH}">Jobs</a></p>
<form method="post" action="/ops/logout">
<button>Sign out</button>
</form>`,
  );
