import { MAX_PASSWORD, MIN_PASSWORD } from '#identity/passwords';
import type { FieldError } from '#platform/problems';
import type { InvitationPreview } from '../invitation-previews';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes text for HTML. Every value in a page must be escaped. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (it) => ENTITIES[it] as string);

/** A text of a user inside a sentence: in another writing direction, it does not reorder the text around it. */
const isolated = (text: string): string => `<bdi>${escapeHtml(text)}</bdi>`;

/** A complete page in the common layout. @param title plain text @param body HTML */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="/join.css">
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;

const ROLES: Record<string, string> = { admin: 'an admin', member: 'a member', auditor: 'an auditor' };

/** Values that fill the form again after an error. They never include the password. */
export interface FormValues {
  readonly personName?: string | undefined;
  readonly email?: string | undefined;
}

interface Field {
  readonly name: 'personName' | 'email' | 'password';
  readonly label: string;
  readonly type: 'text' | 'email' | 'password';
  readonly autocomplete: string;
  readonly hint?: string;
  readonly required: boolean;
}

const FIELDS: readonly Field[] = [
  {
    name: 'personName',
    label: 'Your name',
    type: 'text',
    autocomplete: 'name',
    hint: 'Not needed if you have an account already.',
    required: false,
  },
  { name: 'email', label: 'E-mail address', type: 'email', autocomplete: 'email', required: true },
  {
    name: 'password',
    label: 'Password',
    type: 'password',
    autocomplete: 'current-password',
    hint: `At least ${MIN_PASSWORD} characters. If you have an account already, enter its password.`,
    required: true,
  },
];

/** The text next to a field with an error. The messages of the API are for developers and not for end users. */
const FIELD_HELP: Readonly<Record<Field['name'], string>> = {
  personName: 'Enter your name, at most 200 characters. You can leave it empty only if you have an account.',
  email: 'Enter your e-mail address, such as grace@example.com.',
  password: `Enter a password of ${MIN_PASSWORD} to ${MAX_PASSWORD} characters.`,
};

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

/** In UTC: a page without a script does not know the time zone of its reader. */
const timeOf = (iso: string): string => `<time datetime="${escapeHtml(iso)}">${DATE.format(new Date(iso))} UTC</time>`;

const input = ({ name, label, type, autocomplete, hint, required }: Field, value: string, error?: string): string => {
  const describedBy = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  return `<div class="field">
<label for="${name}">${label}</label>
${hint ? `<p class="hint" id="${name}-hint">${hint}</p>` : ''}
${error ? `<p class="error" id="${name}-error">${escapeHtml(error)}</p>` : ''}
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${escapeHtml(value)}"${required ? ' required' : ''}${describedBy ? ` aria-describedby="${describedBy}"` : ''}${error ? ' aria-invalid="true"' : ''}>
</div>`;
};

/**
 * The form to join a tenant.
 * @param values fill the fields
 * @param problem an error of the whole form
 * @param errors errors of fields, by the JSON pointer of the field
 */
export const formPage = (
  { companyName, role, inviterName, expiresAt, emailDomains }: InvitationPreview,
  values: FormValues = {},
  problem?: string,
  errors: readonly FieldError[] = [],
): string => {
  const errorOf = (name: Field['name']) =>
    errors.some(({ pointer }) => pointer === `/${name}`) ? FIELD_HELP[name] : undefined;
  const domains =
    emailDomains.length > 0
      ? `<p>Use an e-mail address that ends with ${escapeHtml(emailDomains.join(' or '))}.</p>`
      : '';
  return page(
    `Join ${companyName}`,
    `<h1>Join ${isolated(companyName)}</h1>
<p>${inviterName ? `${isolated(inviterName)} invites you` : 'You are invited'} to be <strong>${ROLES[role] ?? 'a member'}</strong> of ${isolated(companyName)}.</p>
<p>The invitation expires on ${timeOf(expiresAt)}.</p>
${domains}
${problem ? `<p class="problem" role="alert">${escapeHtml(problem)}</p>` : ''}
<form method="post">
${FIELDS.map((it) => input(it, (it.name !== 'password' && values[it.name]) || '', errorOf(it.name))).join('\n')}
<button>Join</button>
</form>`,
  );
};

export const joinedPage = (companyName: string, email: string): string =>
  page(
    `You are a member of ${companyName}`,
    `<h1>Welcome</h1>
<p>You are now a member of <strong>${isolated(companyName)}</strong>.</p>
<p>Sign in as <strong>${isolated(email)}</strong> with your password in the application of ${isolated(companyName)}. You can close this page.</p>`,
  );

/** One page for a link that is unknown, revoked, used up or expired, or whose tenant is closed. */
export const unusablePage = (): string =>
  page(
    'This invitation cannot be used',
    `<h1>This invitation cannot be used</h1>
<p>It may have expired, been used up or been revoked. Ask the sender for a new one.</p>`,
  );

/** @param detail the detail of the problem; plain text */
export const errorPage = (detail: string): string =>
  page('Try again', `<h1>That did not work</h1>\n<p role="alert">${escapeHtml(detail)}</p>`);

export const STYLE = `:root { color-scheme: light dark; --ink: #1c2024; --paper: #f6f7f9; --card: #fff; --line: #8b929c; --accent: #1f5fbf; --on: #fff; --bad: #b3261e; --soft: #565d66; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9ecf0; --paper: #14171a; --card: #1d2126; --line: #737b86; --accent: #8ab4f8; --on: #10151c; --bad: #f2b8b5; --soft: #aab2bd; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
main { max-width: 28rem; margin: clamp(1rem, 8vh, 5rem) auto; padding: 2rem; background: var(--card); border-radius: .75rem; box-shadow: 0 1px 4px rgb(0 0 0 / .15); }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
.field { margin: 0 0 1.25rem; }
label { display: block; font-weight: 600; }
.hint { margin: 0; color: var(--soft); font-size: .9rem; }
.error, .problem { color: var(--bad); font-weight: 600; }
.error { margin: 0; font-size: .9rem; }
input { width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .4rem; }
input[aria-invalid] { border-color: var(--bad); border-width: 2px; }
input:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; color: var(--on); background: var(--accent); border: 0; border-radius: .4rem; cursor: pointer; }
@media (max-width: 30rem) { main { margin: 0; min-height: 100vh; padding: 1.25rem; border-radius: 0; box-shadow: none; } }
`;
