import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { useFolders } from './folders';
import { isReady, launch, query, serverPid, until } from './product';

jest.setTimeout(600_000);

const folders = useFolders();

/** Stops the process for four seconds while it loads the framework, like a slow disk. */
const SLOW_MODULES = `
  const Module = require('node:module');
  const load = Module._load;
  Module._load = function (name, ...rest) {
    if (name === '@nestjs/core') {
      Module._load = load;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    }
    return load.call(this, name, ...rest);
  };
`;

describe('a first start with everything embedded', () => {
  it('answers, ends with code 0 on SIGTERM and on Ctrl-C, and leaves no process behind', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const product = launch(folders.dataDir);
      expect(await isReady(await product.ready())).toBe(true);
      const server = serverPid(folders.dataDir);
      expect(isAlive(server)).toBe(true);
      expect(await product.end(signal)).toBe(0);
      expect(isAlive(server)).toBe(false);
    }
  });

  it('prints no warning on the first and on the next start, also if its modules load slowly', async () => {
    const slow = join(folders.home, 'slow.cjs');
    await writeFile(slow, SLOW_MODULES);
    for (const env of [{}, { NODE_OPTIONS: `--require=${slow}` }]) {
      const product = launch(folders.dataDir, { env });
      await product.ready();
      // A warning may come late.
      await sleep(2_000);
      // On a busy machine a readiness check may time out once during the start: that warning is right.
      const output = product.output().replace(/^.*"check":.*$/gm, '');
      expect(output).not.toMatch(/warn|"level":"(error|fatal)"/i);
      expect(await product.end('SIGTERM')).toBe(0);
    }
  });

  it.each([
    ['SIGTERM', 'postgres.unfinished'],
    ['SIGKILL', 'postgres.unfinished'],
    ['SIGTERM', 'postgres.log'],
    ['SIGKILL', 'postgres.log'],
  ] as const)('can be ended by %s during its first start (after %s exists) and started again', async (signal, file) => {
    const product = launch(folders.dataDir);
    await until(() => exists(join(folders.dataDir, file)), 180_000);
    expect(await product.end(signal)).toBe(signal === 'SIGTERM' ? 0 : null);
    const again = launch(folders.dataDir);
    expect(await isReady(await again.ready())).toBe(true);
    expect(await again.end('SIGTERM')).toBe(0);
  });
});

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

/** Only root can start a process as another user; setpriv(1) exists on Linux only. */
const describeAsRoot = process.getuid?.() === 0 && process.platform === 'linux' ? describe : describe.skip;

describeAsRoot('as root', () => {
  it('keeps its data in another folder, and says so, if its PostgreSQL cannot reach DATA_DIR', async () => {
    await chmod(folders.home, 0o700);
    const product = launch(folders.dataDir);
    await product.ready();
    const moved = /stored in (\/var\/lib\/tenantry\/\w+)/.exec(product.output())?.[1] ?? '';
    try {
      expect(await exists(folders.dataDir)).toBe(false);
      expect(await query(moved, 'select 1 as n')).toEqual([{ n: 1 }]);
      expect(await product.end('SIGTERM')).toBe(0);
    } finally {
      if (moved) await rm(moved, { recursive: true });
    }
  });

  const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

  it('can run as another user first, and continues with the data of that user', async () => {
    await chmod(folders.home, 0o777);
    const unprivileged = launch(folders.dataDir, { prefix: NOBODY, cwd: '/' });
    await unprivileged.ready();
    await query(folders.dataDir, 'create table kept as select 1 as n');
    expect(await unprivileged.end('SIGTERM')).toBe(0);
    const asRoot = launch(folders.dataDir);
    await asRoot.ready();
    expect(await query(folders.dataDir, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await asRoot.end('SIGTERM')).toBe(0);
  });
});
