import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAll, launch, type Product, root } from '../e2e/start/product';

const url = process.env['EVENTSTORE_URL'];
if (!url)
  process.stderr.write('The tests of the product on EventStoreDB are skipped, because EVENTSTORE_URL is not set.\n');

jest.setTimeout(600_000);

interface SignedUp {
  readonly tenant: { readonly id: string };
  readonly accessToken: string;
}

interface TenantBody {
  readonly limits: readonly { readonly resource: string }[];
}

/** Tests the whole product with EventStoreDB as the event log and read models in PostgreSQL. */
(url ? describe : describe.skip)('the product on EventStoreDB', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-esdb-'));
  const email = `esdb-${Date.now()}-${process.pid}@example.com`;
  let product: Product;
  let base: string;

  const start = async (): Promise<void> => {
    product = launch(dataDir, { env: { EVENTSTORE_URL: url ?? '', LOG_LEVEL: 'warn' } });
    base = await product.ready();
  };
  beforeAll(async () => {
    await start();
  });
  afterAll(async () => {
    await endAll();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const send = async <Body>(method: string, path: string, body?: object, token?: string) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  };

  const signIn = async (): Promise<string> => {
    const password = 'correct horse battery staple';
    const { body } = await send<SignedUp>('POST', '/v1/sessions', { email, password });
    return body.accessToken;
  };

  it('signs a tenant up, renames it and shows it, and each response contains the earlier changes', async () => {
    const request = { companyName: 'Acme', personName: 'Ada', email, password: 'correct horse battery staple' };
    const { status, body } = await send<SignedUp>('POST', '/v1/signup', request);
    expect(status).toBe(201);
    const token = body.accessToken;
    expect(await send('GET', '/v1/tenant', undefined, token)).toMatchObject({ status: 200, body: { name: 'Acme' } });
    for (let round = 1; round <= 20; round++) {
      const name = `Acme ${round}`;
      expect(await send('PATCH', '/v1/tenant', { name }, token)).toMatchObject({ status: 200, body: { name } });
      expect(await send('GET', '/v1/tenant', undefined, token)).toMatchObject({ status: 200, body: { name } });
    }
  });

  it('continues after kill -9 with every acknowledged change', async () => {
    await product.end('SIGKILL');
    await start();
    const token = await signIn();
    expect(await send('GET', '/v1/tenant', undefined, token)).toMatchObject({ body: { name: 'Acme 20' } });
    const renames = await Promise.all(
      Array.from({ length: 20 }, (_, at) => send('PATCH', '/v1/tenant', { name: `At once ${at}` }, token)),
    );
    expect(renames.map(({ status }) => status)).toEqual(renames.map(() => 200));
    expect(new Set(renames.map(({ headers }) => headers.get('etag'))).size).toBe(20);
  });

  it('rebuilds a read model with the same content', async () => {
    const token = await signIn();
    /** The tenant without the number of API calls, because reading it is one more call. */
    const readTenant = async (): Promise<TenantBody> => {
      const { body } = await send<TenantBody>('GET', '/v1/tenant', undefined, token);
      return { ...body, limits: body.limits.filter(({ resource }) => resource !== 'apiCalls') };
    };
    const before = await readTenant();
    const env = { ...process.env, DATA_DIR: dataDir, EVENTSTORE_URL: url };
    const runCli = (...words: string[]): string =>
      String(
        execFileSync(
          process.execPath,
          [join(root, 'dist/apps/cli/main.js'), ...words, '--as', 'ada', '--reason', 'a test'],
          { env },
        ),
      );
    runCli('operators', 'add', 'ada');
    expect(runCli('projections', 'rebuild', 'tenants')).toContain('tenants is rebuilt');
    expect(await readTenant()).toEqual(before);
  });

  it('stops without an error', async () => {
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
