import { randomUUID } from 'node:crypto';
import { deriveRolePasswords, roleNames } from '#platform/database/roles/roles';
import { TEST_ROLE_PREFIX, TEST_SECRET_KEY } from '#testing/database';
import { type PgBouncer, pgbouncers, startPgBouncer } from '../support/pgbouncer';
import { PASSWORD, rename, send, signUp } from './http';
import { endAll, isReady, type Product, until } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(600_000);

/** Sessions of one role on the server. Without a pooler, the product would open six. */
const POOL_SIZE = 3;

const installed = pgbouncers();
if (installed.length === 0)
  process.stderr.write('skipped: the product behind PgBouncer, because there is no pgbouncer here\n');

const modes = installed.flatMap(({ binary, version, keepsStatements }) => [
  { binary, version, statements: 'parsed for each execution', prepared: false },
  ...(keepsStatements ? [{ binary, version, statements: 'prepared by the pooler', prepared: true }] : []),
]);

/** `userlist.txt`: the users that may log in to the pooler, with the passwords that the product derives for them. */
const usersOf = (ownerUrl: string): string => {
  const owner = new URL(ownerUrl);
  const passwords = deriveRolePasswords(ownerUrl, TEST_SECRET_KEY, TEST_ROLE_PREFIX);
  const names = roleNames(TEST_ROLE_PREFIX);
  return `"${names.app}" "${passwords.app}"\n"${names.log}" "${passwords.log}"\n"${owner.username}" "${decodeURIComponent(owner.password)}"\n`;
};

if (installed.length === 0) it.skip('the product behind PgBouncer: there is no pgbouncer here', () => undefined);

for (const { binary, version, statements, prepared } of modes) {
  describe(`the product behind PgBouncer ${version} in transaction mode, with statements ${statements}`, () => {
    let system: System;
    let pooler: PgBouncer;
    let product: Product;
    let url: string;

    beforeAll(async () => {
      system = await openSystem();
      pooler = await startPgBouncer({
        binary,
        server: system.databaseUrl,
        users: usersOf(system.databaseUrl),
        settings: { default_pool_size: String(POOL_SIZE), ...(prepared && { max_prepared_statements: '100' }) },
      });
      product = system.start({
        DATABASE_URL: pooler.over(system.databaseUrl),
        DATABASE_DIRECT_URL: system.databaseUrl,
        DATABASE_POOLER_PREPARED_STATEMENTS: String(prepared),
        TENANT_RETENTION_DAYS: '0',
      });
      url = await product.ready();
    });
    afterAll(async () => {
      await endAll();
      await pooler?.close();
      await system.close();
    });

    const post = (path: string, token: string | undefined, body: object) =>
      send(url, path, { method: 'POST', body, ...(token && { token }) });

    it('is ready: requests use the pooler, and the projector and the listener connect directly', async () => {
      expect(await isReady(url)).toBe(true);
      const { rows } = await system.owner.query<{ name: string }>(
        `select distinct application_name as name from pg_stat_activity where datname = $1 order by 1`,
        [system.database],
      );
      expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['tenantry-projector', 'tenantry-wake']));
    });

    it('serves a tenant: sign-up, sign-in, invitation, project, task, queries, erasure', async () => {
      const { email, token, tenantId } = await signUp(url);
      expect((await post('/v1/sessions', undefined, { email, password: PASSWORD })).status).toBe(201);
      const invited = await post('/v1/invitations', token, { role: 'member', maxUses: 1 });
      expect(invited.status).toBe(201);
      const link = (invited.body as { url?: string }).url ?? '';
      const joined = await post('/v1/invitations/accept', undefined, {
        token: link.slice(link.lastIndexOf('/') + 1),
        personName: 'Mia',
        email: `${randomUUID()}@example.com`,
        password: PASSWORD,
      });
      expect(joined.status).toBe(201);
      const member = joined.body.accessToken ?? '';
      const project = await post('/v1/projects', member, { name: 'Website' });
      const tasks = `/v1/projects/${project.body.id}/tasks`;
      for (const title of ['first', 'second']) expect((await post(tasks, member, { title })).status).toBe(201);
      const listed = await send(url, tasks, { token });
      expect((listed.body as { data?: { title: string }[] }).data?.map(({ title }) => title).sort()).toEqual([
        'first',
        'second',
      ]);
      const members = await send(url, '/v1/members', { token });
      expect((members.body as { data?: { name: string }[] }).data?.map(({ name }) => name).sort()).toEqual([
        'Ada',
        'Mia',
      ]);
      const closed = await send(url, '/v1/tenant', { method: 'DELETE', token, body: { confirmName: 'Acme' } });
      expect(closed.status).toBe(200);
      const isErased = async (): Promise<boolean> =>
        (await system.owner.query('select 1 from event_log.events where tenant_id = $1 limit 1', [tenantId]))
          .rowCount === 0;
      await until(isErased, 120_000);
    });

    it('shows each tenant only its own rows while many concurrent requests share few connections', async () => {
      const accounts = await Promise.all(
        ['North', 'South', 'East'].map(async (name) => {
          const account = await signUp(url);
          expect((await rename(url, account.token, name)).status).toBe(200);
          return { ...account, name };
        }),
      );
      for (let round = 0; round < 10; round++) {
        const requesters = Array.from(
          { length: 30 },
          (_, at) => accounts[at % accounts.length] as (typeof accounts)[number],
        );
        const answers = await Promise.all(requesters.map(({ token }) => send(url, '/v1/tenant', { token })));
        expect(answers.map(({ status, body }) => [status, body.name])).toEqual(
          requesters.map(({ name }) => [200, name]),
        );
      }
      const { rows } = await system.owner.query<{ sessions: number }>(
        'select count(*)::integer as sessions from pg_stat_activity where datname = $1 and usename = $2',
        [system.database, roleNames(TEST_ROLE_PREFIX).app],
      );
      expect(rows[0]?.sessions).toBeLessThanOrEqual(POOL_SIZE);
    });

    it('rebuilds a read model', async () => {
      const { token } = await signUp(url);
      await system.owner.query(
        `insert into projecting.rebuilds (id, projection, version)
         select $1, projection, version from projecting.checkpoints where projection = 'tenants'`,
        [randomUUID()],
      );
      const isDone = async (): Promise<boolean> =>
        (await system.owner.query(`select 1 from projecting.rebuilds where projection = 'tenants' and state = 'done'`))
          .rowCount === 1;
      await until(isDone, 60_000);
      expect(await send(url, '/v1/tenant', { token })).toMatchObject({ status: 200, body: { name: 'Acme' } });
    });

    it('ends with code 0', async () => {
      expect(await product.end('SIGTERM')).toBe(0);
    });
  });
}

for (const { binary, version } of installed) {
  it(`does not start without a direct URL behind PgBouncer ${version}, and says so in one sentence`, async () => {
    const system = await openSystem();
    const users = usersOf(system.databaseUrl);
    const settings = { ignore_startup_parameters: 'statement_timeout,lock_timeout,options' };
    const pooler = await startPgBouncer({ binary, server: system.databaseUrl, users, settings });
    try {
      const product = system.start({ DATABASE_URL: pooler.over(system.databaseUrl) });
      expect(await product.ended()).toBe(1);
      expect(product.output()).toMatch(/DATABASE_URL points to a connection pooler .*set DATABASE_DIRECT_URL/);
      expect(product.output()).not.toMatch(/^ +at /m);
    } finally {
      await endAll();
      await pooler.close();
      await system.close();
    }
  });
}
