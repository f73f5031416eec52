import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port';
import { ask } from './http';
import { endAll, root } from './start/product';
import { openSystem, type System } from './system';

const run = promisify(execFile);

jest.setTimeout(120_000);

describe('npm run demo', () => {
  let system: System;
  let url: string;

  beforeAll(async () => {
    system = await openSystem();
    // As it is without a setting: each tenant buys the seats that it needs.
    const port = await freePort();
    const env = { PLANS: 'catalogue', PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` };
    url = await system.start(env).ready();
  });
  afterAll(async () => {
    await endAll();
    await system.close();
  });

  const demo = (at: string) =>
    run(process.execPath, [join(root, 'scripts/demo.mjs')], { env: { ...process.env, BASE_URL: at } });
  const counts = async (): Promise<unknown> =>
    (
      await system.owner.query(
        `select (select count(*)::integer from read_model.tenants) as tenants,
           (select count(*)::integer from read_model.members) as members,
           (select count(*)::integer from read_model.projects) as projects,
           (select count(*)::integer from read_model.tasks) as tasks`,
      )
    ).rows[0];

  it('fills a running server once, however often it is run, and prints a token that works', async () => {
    const { stdout } = await demo(url);
    const filled = { tenants: 3, members: 15, projects: 9, tasks: 90 };
    expect(await counts()).toEqual(filled);
    const token = /TOKEN=(\S+)/.exec(stdout)?.[1] ?? '';
    expect((await ask(url, '/v1/projects', { token })).status).toBe(200);
    for (const [, address] of stdout.matchAll(/(\S+@\S+)/g)) {
      const body = { email: address, password: 'correct horse battery staple' };
      expect((await ask(url, '/v1/sessions', { method: 'POST', body })).status).toBe(201);
    }
    await demo(url);
    expect(await counts()).toEqual(filled);
  });

  it('says what to do where no server listens', async () => {
    await expect(demo('http://127.0.0.1:9')).rejects.toMatchObject({ stderr: expect.stringContaining('npm start') });
  });
});
