import { appendFileSync } from 'node:fs';

/**
 * The environment variable TENANTRY_FAILPOINT is `<name>` or `<name>:<n>`. When the process passes the failpoint of
 * that name for the n-th time (from 1, which is the default), it adds the name to the file TENANTRY_FAILPOINT_FILE, so
 * that a test can see it, and then kills itself as `kill -9` would. Only with NODE_ENV=test: otherwise a failpoint does
 * nothing.
 */
const armed = ((): { name: string; after: number } | undefined => {
  const { NODE_ENV, TENANTRY_FAILPOINT } = process.env;
  if (NODE_ENV !== 'test' || !TENANTRY_FAILPOINT) return undefined;
  const [, name = TENANTRY_FAILPOINT, after = '1'] = /^(.+):(\d+)$/.exec(TENANTRY_FAILPOINT) ?? [];
  return { name, after: Number(after) };
})();

let passed = 0;

/** A named point at which a test may kill the process. */
export const failpoint: (name: string) => void = armed
  ? (name) => {
      if (name !== armed.name || ++passed < armed.after) return;
      const file = process.env['TENANTRY_FAILPOINT_FILE'];
      if (file) appendFileSync(file, `${name}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
  : () => {};
