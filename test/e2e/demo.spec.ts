import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port';
import { send } from './http';
import { endAll, root } from './start/product';
import { openSystem, type System } from './system';

const run = promisify(execFile);

jest.setTimeout(600_000);

describe('npm run demo', () => {
  let system: System;
  let url: string;

  beforeAll(async () => {
    system = await openSystem();
    // PLANS has its default value here: the demo buys the seats that each tenant needs.
    const port = await freePort();
    const env = { PLANS: 'catalogue', PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` };
    url = await system.start(env).ready();
  });
  afterAll(async () => {
    await endAll();
    await system.close();
  });

  const runDemo = (baseUrl: string) =>
    run(process.execPath, [join(root, 'scripts/demo.mjs')], { env: { ...process.env, BASE_URL: baseUrl } });
  const counts = async (): Promise<unknown> =>
    (
      await system.owner.query(
        `select (select count(*)::integer from read_model.tenants) as tenants,
           (select count(*)::integer from read_model.members) as members,
           (select count(*)::integer from read_model.projects) as projects,
           (select count(*)::integer from read_model.tasks) as tasks`,
      )
    ).rows[0];

  it('fills a running server once, also if it runs twice, and prints a valid token', async () => {
    const { stdout } = await runDemo(url);
    const filled = { tenants: 3, members: 15, projects: 9, tasks: 90 };
    expect(await counts()).toEqual(filled);
    const token = /TOKEN=(\S+)/.exec(stdout)?.[1] ?? '';
    expect((await send(url, '/v1/projects', { token })).status).toBe(200);
    for (const [, address] of stdout.matchAll(/(\S+@\S+)/g)) {
      const body = { email: address, password: 'correct horse battery staple' };
      expect((await send(url, '/v1/sessions', { method: 'POST', body })).status).toBe(201);
    }
    await runDemo(url);
    expect(await counts()).toEqual(filled);
  });

  it('says what to do if no server is running', async () => {
    await expect(runDemo('http://127.0.0.1:9')).rejects.toMatchObject({ stderr: expect.stringContaining('npm start') });
  });
});
