import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { endAll } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';

const root = resolve(__dirname, '../..');
/** In the tree, so that the compiled program finds the client. */
const OUT = join(root, 'node_modules/.cache/tenantry-walk');
const run = promisify(execFile);

jest.setTimeout(300_000);

describe('the client of the API', () => {
  let system: System;
  let url: string;
  beforeAll(async () => {
    // Generates the types from the OpenAPI document, and compiles the client.
    await run(process.execPath, [join(root, 'scripts/client.mjs')]);
    system = await openSystem();
    url = await system.start().ready();
  });
  afterAll(async () => {
    await endAll();
    await system.close();
    rmSync(OUT, { recursive: true, force: true });
  });

  it('is used by a program with strict types, from sign-up to sign-out, without a cast', async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, '-p', __dirname, '--outDir', OUT]).catch(({ stdout }: { stdout: string }) => {
      throw new Error(`the program does not compile:\n${stdout}`);
    });
    const { stdout } = await run(process.execPath, [join(OUT, 'walk.mjs'), url]);
    expect(JSON.parse(stdout)).toEqual({
      tenant: 'Acme',
      tasks: ['Task 1', 'Task 2', 'Task 3', 'Task 4', 'Task 5'],
      renamed: 'Shop',
      conflict: 412,
      members: ['Ada Byron', 'Max Born'],
      refreshed: true,
      plan: 'free',
      usage: 'object',
      signedOut: 401,
    });
  });
});
