// Compiles the sources to dist/ (with swc, in about a second), unless dist/ was compiled from exactly these sources.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCES = ['apps', 'libs', 'projections'];
const stampFile = join(root, 'dist/.stamp');

/** A hash of the path, size and time of each source file. It changes with any change of a source. */
const stampOf = () => {
  const hash = createHash('sha256');
  for (const file of ['.swcrc', 'package.json']) hash.update(readFileSync(join(root, file)));
  for (const folder of SOURCES) {
    if (!existsSync(join(root, folder))) continue;
    for (const path of readdirSync(join(root, folder), { recursive: true }).sort()) {
      const stats = statSync(join(root, folder, path), { throwIfNoEntry: false });
      if (stats?.isFile()) hash.update(`${folder}/${path} ${stats.size} ${stats.mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
};

const isCurrent = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stampOf();

/** False in a container image, which contains dist/ without the sources. */
const hasSources = () => existsSync(join(root, 'apps/main.ts'));

export const buildIfNeeded = () => {
  if (hasSources() && !isCurrent()) build();
};

export const build = () => {
  const swc = compiler();
  const stamp = stampOf();
  // Compiled next to dist/ and then renamed, so that a process that runs from dist/ never sees an incomplete folder.
  const outDir = `.dist-${process.pid}`;
  try {
    const sources = SOURCES.filter((folder) => existsSync(join(root, folder)));
    const options = ['-d', outDir, '--copy-files', '--ignore', '**/*.spec.ts'];
    const { status, error } = spawnSync(process.execPath, [swc, ...sources, ...options, '--quiet'], {
      cwd: root,
      stdio: 'inherit',
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`swc ended with code ${status}`);
    writeImports(join(root, outDir));
    writeFileSync(join(root, outDir, '.stamp'), stamp);
    replaceDist(join(root, outDir));
  } finally {
    rmSync(join(root, outDir), { recursive: true, force: true });
  }
};

/**
 * Writes a package.json into the compiled folder. In the package.json of the repository, names such as `#domain/…` lead
 * to the sources; here they lead to the compiled files. So a copy of the folder, for example of an older release, loads
 * its own files.
 */
export const writeImports = (outDir) => {
  const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const compiled = Object.entries(imports).map(([name, path]) => [name, path.replace(/\.ts$/, '.js')]);
  writeFileSync(join(outDir, 'package.json'), `${JSON.stringify({ imports: Object.fromEntries(compiled) })}\n`);
};

/** Renames the old folder before it is removed, because removing takes time, in which there would be no dist/. */
const replaceDist = (outDir) => {
  const dist = join(root, 'dist');
  const old = `${outDir}-old`;
  for (let attempt = 1; ; attempt++) {
    try {
      if (existsSync(dist)) renameSync(dist, old);
      renameSync(outDir, dist);
      break;
    } catch (error) {
      // Another build has replaced dist/ at the same time.
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code) || attempt === 10) throw error;
      rmSync(old, { recursive: true, force: true });
    }
  }
  rmSync(old, { recursive: true, force: true });
};

const compiler = () => {
  try {
    const entry = createRequire(import.meta.url).resolve('@swc/cli/package.json');
    return join(dirname(entry), 'bin/swc.js');
  } catch {
    throw new Error('dist/ is missing or older than the sources, and the compiler is not installed; run `npm ci`');
  }
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) build();
