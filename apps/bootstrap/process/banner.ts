import type { FailingCheck } from '#platform/readiness/check';

const JSON_TYPE = "-H 'content-type: application/json'";

/** The last lines of a start: where everything is, and three commands that work as they stand. */
/** @param stripe where the Stripe on loopback is, where one runs */
export const bannerFor = (url: string, stripe?: string): string => {
  const account = '"email":"ada@acme.example","password":"correct horse battery staple"';
  const token = `node -pe 'JSON.parse(fs.readFileSync(0)).accessToken'`;
  return `
  Tenantry is running.

  API            ${url}
  Documentation  ${url}/docs${stripe ? `\n  Stripe         ${stripe} (test mode, on this machine: no money moves)` : ''}

  # sign up (once: the same address again answers 409), sign in, read the workspace
  curl -s ${url}/v1/signup ${JSON_TYPE} -d '{"companyName":"Acme","personName":"Ada Lovelace",${account}}'
  TOKEN=$(curl -s ${url}/v1/sessions ${JSON_TYPE} -d '{${account}}' | ${token})
  curl -s ${url}/v1/tenant -H "authorization: Bearer $TOKEN"

`;
};

/** @param url where machines ask how it is */
export const workerBannerFor = (url: string | undefined): string =>
  `\n  Tenantry works in the background (ROLE=worker).\n\n  Health         ${url}/readyz, ${url}/metrics\n\n`;

/** What is printed in their place while readiness checks fail. @param url where the process answers */
export const notReadyBannerFor = (url: string | undefined, failing: readonly FailingCheck[]): string => `
  Tenantry has started but is not ready:

${failing.map(({ name, message, runbook }) => `  - ${name}: ${message}\n    See ${runbook}`).join('\n')}

  It becomes ready without a restart as soon as the cause is fixed.

  Health         ${url}/readyz

`;
