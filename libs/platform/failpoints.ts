import { appendFileSync } from 'node:fs';

/**
 * `<name>` or `<name>:<n>` (the n-th time, from 1) in TENANTRY_FAILPOINT kills the process there, as `kill -9` would, and
 * adds the name to the file TENANTRY_FAILPOINT_FILE, so that a test can tell that it fired. With NODE_ENV=test alone:
 * everywhere else the function does nothing.
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
