import type { Browser, Page } from 'playwright-core';
import { freePort } from '../support/free-port';
import { browserPath, openBrowser } from './browser/browser';
import { endAll, until } from './start/product';
import { openSystem, type System } from './system';

const PASSWORD = 'correct horse battery staple';
/** Test cards of Stripe. */
const CARD = {
  accepted: '4242424242424242',
  declinedAtCheckout: '4000000000000002',
  declinedAtRenewal: '4000000000000341',
};
const executable = browserPath();
if (!executable) process.stderr.write('skipped: a tenant with a subscription, because there is no Chromium here\n');

jest.setTimeout(600_000);

interface BillingAnswer {
  readonly plan: string;
  readonly lock: string;
  readonly status: string | null;
  readonly url: string;
  readonly pendingChange: { readonly plan: string } | null;
  readonly misfits: readonly { readonly resource: string; readonly readOnly: readonly string[] }[];
}

/** From the sign-up of a tenant to the end of its subscription, with a user in the browser and a client of the API. */
(executable ? describe : describe.skip)('a tenant with a subscription', () => {
  let system: System;
  let url: string;
  let stripe: string;
  let browser: Browser;
  let page: Page;
  let token: string;
  const projects: string[] = [];

  const request = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: BillingAnswer }> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as BillingAnswer };
  };
  const createProject = async (): Promise<number> => {
    const { status, body } = await request('POST', '/v1/projects', { name: 'Website' });
    if (status === 201) projects.push((body as unknown as { id: string }).id);
    return status;
  };
  const billing = async (): Promise<BillingAnswer> => (await request('GET', '/v1/billing')).body;
  const waitForBilling = (expected: Partial<BillingAnswer>): Promise<void> =>
    until(async () => {
      const found = await billing();
      return Object.entries(expected).every(([name, value]) => found[name as keyof BillingAnswer] === value);
    }, 30_000);
  /** Advances the clock of the Stripe simulator to the next change, on its dashboard. */
  const advanceClock = async (): Promise<void> => {
    await page.goto(stripe);
    await page.click('text=To the next change');
  };
  const returnUrl = (): string => `${url}/docs`;

  beforeAll(async () => {
    system = await openSystem();
    // The pages of the Stripe simulator redirect to this port, so it has to be known before the start.
    const port = await freePort();
    const env = { PLANS: 'catalogue', PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` };
    url = await system.start(env).ready();
    browser = await openBrowser(executable ?? '');
    page = await browser.newPage();
    const body = { companyName: 'Acme', personName: 'Ada', email: 'ada@acme.example', password: PASSWORD };
    const signedUp = await fetch(`${url}/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    token = ((await signedUp.json()) as { accessToken: string }).accessToken;
  });
  afterAll(async () => {
    await browser?.close();
    await endAll();
    await system.close();
  });

  it('starts on the plan free, and is refused beyond its limits', async () => {
    for (let at = 0; at < 3; at++) expect(await createProject()).toBe(201);
    const { status, body } = await request('POST', '/v1/projects', { name: 'Website' });
    expect([status, body]).toEqual([402, expect.objectContaining({ resource: 'projects', upgradeTo: 'pro' })]);
  });

  it('changes to the plan pro by a checkout, and not while the card is declined', async () => {
    const checkout = { plan: 'pro', successUrl: returnUrl(), cancelUrl: returnUrl() };
    const { status, body } = await request('POST', '/v1/billing/checkout', checkout);
    expect(status).toBe(201);
    stripe = new URL(body.url).origin;
    await page.goto(body.url);
    expect(await page.textContent('body')).toContain('No money moves');
    await page.fill('#number', CARD.declinedAtCheckout);
    await page.click('#pay');
    expect(await page.textContent('[role=alert]')).toBe('Your card was declined.');
    expect((await billing()).plan).toBe('free');
    await page.fill('#number', CARD.accepted);
    await page.click('#pay');
    await page.waitForURL(returnUrl());
    // The return from Stripe reads the subscription, so the plan applies from the next request on.
    expect(await createProject()).toBe(201);
    expect(await billing()).toMatchObject({ plan: 'pro', status: 'active', lock: 'none' });
  });

  it('is locked when the renewal is declined, and can still be read', async () => {
    const { body } = await request('POST', '/v1/billing/portal', { returnUrl: returnUrl() });
    await page.goto(body.url);
    await page.fill('#number', CARD.declinedAtRenewal);
    await page.click('#pay');
    await advanceClock();
    await waitForBilling({ lock: 'locked', status: 'past-due' });
    const { status, body: problem } = await request('POST', '/v1/projects', { name: 'Website' });
    expect([status, problem]).toEqual([402, expect.objectContaining({ type: '/problems/workspace-locked' })]);
    expect((await request('GET', '/v1/projects')).status).toBe(200);
    expect((await request('GET', '/v1/me')).status).toBe(200);
  });

  it('is unlocked when the card is replaced and the invoice is paid', async () => {
    const { body } = await request('POST', '/v1/billing/portal', { returnUrl: returnUrl() });
    await page.goto(body.url);
    await page.fill('#number', CARD.accepted);
    await page.click('#pay');
    await page.click('td button');
    await waitForBilling({ lock: 'none', status: 'active' });
    expect(await createProject()).toBe(201);
  });

  it('is also unlocked by an upgrade, which pays the open invoice', async () => {
    const { body } = await request('POST', '/v1/billing/portal', { returnUrl: returnUrl() });
    const useCard = async (number: string): Promise<void> => {
      await page.goto(body.url);
      await page.fill('#number', number);
      await page.click('#pay');
    };
    await useCard(CARD.declinedAtRenewal);
    await advanceClock();
    await waitForBilling({ lock: 'locked', status: 'past-due' });
    await useCard(CARD.accepted);
    const changed = await request('POST', '/v1/billing/change', { plan: 'enterprise' });
    expect([changed.status, changed.body]).toEqual([
      200,
      expect.objectContaining({ plan: 'enterprise', lock: 'none', status: 'active' }),
    ]);
    expect((await request('PATCH', `/v1/projects/${projects[0]}`, { name: 'Shop' })).status).toBe(200);
    await page.goto(body.url);
    expect(await page.textContent('body')).not.toMatch(/\bopen\b/);
  });

  it('can preview what a downgrade leaves beyond the limits, and can read it afterwards', async () => {
    const preview = await request('POST', '/v1/billing/change?preview=true', { plan: 'free' });
    const [misfit] = preview.body.misfits;
    expect(misfit).toMatchObject({ resource: 'projects', used: 5, limit: 3, readOnly: projects.slice(3) });
    const { body } = await request('POST', '/v1/billing/change', { plan: 'free' });
    expect(body.pendingChange).toMatchObject({ plan: 'free' });
    await advanceClock();
    await waitForBilling({ plan: 'free', status: null });
    const rename = async (id: string) => (await request('PATCH', `/v1/projects/${id}`, { name: 'Shop' })).status;
    expect(await rename(projects[0] ?? '')).toBe(200);
    expect(await rename(projects[4] ?? '')).toBe(402);
    expect((await request('GET', `/v1/projects/${projects[4]}`)).status).toBe(200);
    expect(await createProject()).toBe(402);
  });

  it('can read the cause of each decision', async () => {
    const { body } = await request('GET', '/v1/billing/why');
    const { data } = body as unknown as { data: { decision: string; cause: { kind: string; type: string | null } }[] };
    const decisions = data.map(({ decision }) => decision).reverse();
    for (const [earlier, later] of [
      ['SubscriptionStarted', 'PaymentFailed'],
      ['PaymentFailed', 'WorkspaceLocked'],
      ['WorkspaceLocked', 'WorkspaceUnlocked'],
      ['WorkspaceUnlocked', 'SubscriptionCanceled'],
    ] as const)
      expect(decisions.indexOf(earlier)).toBeLessThan(decisions.indexOf(later));
    const causes = data.filter(({ cause }) => cause.kind === 'stripe');
    expect(causes.length).toBeGreaterThan(5);
    for (const { cause } of causes) expect(cause.type).toMatch(/^(checkout|customer|invoice)\./);
  });
});
