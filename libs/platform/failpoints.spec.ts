import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformFileSync } from '@swc/core';

describe('a failpoint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'failpoints-'));
  const fired = join(folder, 'fired');
  const compiled = join(folder, 'failpoints.cjs');
  writeFileSync(
    compiled,
    transformFileSync(join(__dirname, 'failpoints.ts'), {
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    }).code,
  );
  afterEach(() => rmSync(fired, { force: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Passes `one.point` three times and `another` once, and counts how many of them the process survived. */
  const run = (env: Record<string, string>) => {
    const script = `const { failpoint } = require(${JSON.stringify(compiled)});
      for (const name of ['one.point', 'one.point', 'another', 'one.point']) {
        failpoint(name);
        require('node:fs').writeSync(1, name + '\\n');
      }`;
    const { signal, stdout } = spawnSync(process.execPath, ['-e', script], {
      env: { TENANTRY_FAILPOINT_FILE: fired, ...env },
      encoding: 'utf8',
    });
    return { signal, passed: stdout.split('\n').length - 1 };
  };

  it('kills the process, and adds its name to the file first', () => {
    expect(run({ NODE_ENV: 'test', TENANTRY_FAILPOINT: 'another' })).toEqual({ signal: 'SIGKILL', passed: 2 });
    expect(readFileSync(fired, 'utf8')).toBe('another\n');
  });

  it('kills the process at the n-th pass', () => {
    expect(run({ NODE_ENV: 'test', TENANTRY_FAILPOINT: 'one.point:3' })).toEqual({ signal: 'SIGKILL', passed: 3 });
  });

  it.each(['production', 'development', ''])('does nothing with NODE_ENV %j', (NODE_ENV) => {
    expect(run({ NODE_ENV, TENANTRY_FAILPOINT: 'one.point' })).toEqual({ signal: null, passed: 4 });
  });

  it('does nothing where TENANTRY_FAILPOINT is unset or names another failpoint', () => {
    expect(run({ NODE_ENV: 'test' })).toEqual({ signal: null, passed: 4 });
    expect(run({ NODE_ENV: 'test', TENANTRY_FAILPOINT: 'one' })).toEqual({ signal: null, passed: 4 });
  });
});
