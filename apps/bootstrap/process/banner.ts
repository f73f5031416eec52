import type { FailingCheck } from '#platform/readiness/check';

const JSON_TYPE = "-H 'content-type: application/json'";

/**
 * The text that a start prints at its end: the URLs, and three commands that can be run unchanged.
 * @param stripe the URL of the Stripe simulator, if it runs
 */
export const bannerFor = (url: string, stripe?: string): string => {
  const account = '"email":"ada@acme.example","password":"correct horse battery staple"';
  const token = `node -pe 'JSON.parse(fs.readFileSync(0)).accessToken'`;
  return `
  Tenantry is running.

  API            ${url}
  Documentation  ${url}/docs${stripe ? `\n  Stripe         ${stripe} (test mode, on this machine: no money moves)` : ''}

  # Sign up, sign in, and read the tenant. A second sign-up with the same address is answered 409.
  curl -s ${url}/v1/signup ${JSON_TYPE} -d '{"companyName":"Acme","personName":"Ada Lovelace",${account}}'
  TOKEN=$(curl -s ${url}/v1/sessions ${JSON_TYPE} -d '{${account}}' | ${token})
  curl -s ${url}/v1/tenant -H "authorization: Bearer $TOKEN"

`;
};

/** The same for a process with ROLE=worker. @param url of /readyz and /metrics */
export const workerBannerFor = (url: string | undefined): string =>
  `\n  Tenantry is running in the background (ROLE=worker).\n\n  Health         ${url}/readyz, ${url}/metrics\n\n`;

/** The text that is printed first if readiness checks fail. @param url of the process */
export const notReadyBannerFor = (url: string | undefined, failing: readonly FailingCheck[]): string => `
  Tenantry has started but is not ready:

${failing.map(({ name, message, runbook }) => `  - ${name}: ${message}\n    See ${runbook}`).join('\n')}

  It becomes ready without a restart as soon as the cause is fixed.

  Health         ${url}/readyz

`;
