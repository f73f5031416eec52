// `npm run bench`: compiles the product and its benchmark into a temporary folder, and runs the benchmark there.
import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { root, writeImports } from './build.mjs';

const outDir = `.dist-bench-${process.pid}`;
const swc = join(dirname(createRequire(import.meta.url).resolve('@swc/cli/package.json')), 'bin/swc.js');
const sources = ['apps', 'libs', 'projections', 'test'];
const options = ['-d', outDir, '--copy-files', '--ignore', '**/*.spec.ts', '--quiet'];

/**
 * Resolves with the exit code of the benchmark. Signals are passed on to it, so that it can stop its processes first.
 */
const bench = () =>
  new Promise((resolve, reject) => {
    const main = join(root, outDir, 'test/bench/main.js');
    const child = spawn(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], {
      stdio: 'inherit',
    });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });

try {
  const { status } = spawnSync(process.execPath, [swc, ...sources, ...options], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`swc ended with code ${status}`);
  writeImports(join(root, outDir));
  process.exitCode = await bench();
} finally {
  rmSync(join(root, outDir), { recursive: true, force: true });
}
