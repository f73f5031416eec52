import { type LoginProxy, type Refusal, startLoginProxy } from '../support/login-proxy';
import { databaseTarget } from '../support/tcp-proxy';
import { send, signUp } from './http';
import { endAll, until } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(600_000);

const STARTING: Refusal = { code: '57P03', message: 'the database system is starting up' };
const FULL: Refusal = { code: '53300', message: 'sorry, too many clients already' };
const WRONG_PASSWORD: Refusal = {
  code: '28P01',
  message: 'password authentication failed for user "tenantry_test_app"',
};

describe('the product while PostgreSQL refuses logins', () => {
  let system: System;
  let proxy: LoginProxy;
  let refuse: (application: string) => Refusal | undefined;

  beforeAll(async () => {
    system = await openSystem();
    proxy = await startLoginProxy(databaseTarget(system.databaseUrl), (application) => refuse(application));
  });
  beforeEach(() => {
    refuse = () => undefined;
  });
  afterEach(endAll);
  afterAll(async () => {
    await proxy.close();
    await system.close();
  });

  const start = () => system.start({ DATABASE_URL: proxy.through(system.databaseUrl) });

  it('waits in each step of its start while PostgreSQL is starting, and continues', async () => {
    const refused = new Set<string>();
    refuse = (application) => {
      if (refused.has(application)) return undefined;
      refused.add(application);
      return STARTING;
    };
    const product = start();
    const url = await product.ready();
    await until(async () => (await send(url, '/readyz')).status === 200, 60_000);
    const steps = ['tenantry-start', 'tenantry-migrate', 'tenantry-projector', 'tenantry-api'];
    expect([...refused]).toEqual(expect.arrayContaining(steps));
    expect(product.output()).toMatch(/waiting for PostgreSQL at .* \(57P03\)/);
    expect(product.output()).not.toMatch(/^ +at /m);
  });

  it('does not start without a free connection for a late step, and names the number of connections that it needs', async () => {
    refuse = (application) => (application === 'tenantry-api' ? FULL : undefined);
    const product = start();
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(/no free connection for this process .*opens up to \d+: raise max_connections/);
    expect(product.output()).not.toMatch(/^ +at /m);
  });

  it('answers 503 after the password of a role was changed, reports the reason, and recovers when logins succeed', async () => {
    const product = start();
    const url = await product.ready();
    const { token } = await signUp(url);
    refuse = () => WRONG_PASSWORD;
    await system.terminateBackends();
    const readiness = async (): Promise<string> => JSON.stringify((await send(url, '/readyz')).body);
    await until(async () => /refuses the password of a role/.test(await readiness()), 60_000);
    const { status, headers } = await send(url, '/v1/tenant', { token });
    expect([status, headers.has('retry-after')]).toEqual([503, true]);
    refuse = () => STARTING;
    await until(async () => /starting, stopping or in recovery/.test(await readiness()), 60_000);
    expect((await send(url, '/v1/tenant', { token })).status).toBe(503);
    refuse = () => undefined;
    await until(async () => (await send(url, '/v1/tenant', { token })).status === 200, 60_000);
    await until(async () => (await send(url, '/readyz')).status === 200, 60_000);
    expect(product.output()).not.toMatch(/secret/);
  });
});
