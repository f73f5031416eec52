import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { endAll, launch, serverPid, until } from './product';

/** The folders of the product in a test. */
export interface Folders {
  home: string;
  /** Inside `home`. It does not exist yet. */
  dataDir: string;
}

const makeHome = async (): Promise<string> => {
  const home = await mkdtemp(join(tmpdir(), 'tenantry-start-'));
  await chmod(home, 0o755);
  return home;
};

const endPostgres = async (dataDir: string): Promise<void> => {
  const server = serverPid(dataDir);
  if (server > 0 && isAlive(server)) process.kill(server, 'SIGQUIT');
  await until(() => serverPid(dataDir) === 0 || !isAlive(serverPid(dataDir)), 60_000);
};

/** New folders for each test of a file. After each test, its processes are ended and its folders are deleted. */
export const useFolders = (): Folders => {
  const folders: Folders = { home: '', dataDir: '' };
  beforeEach(async () => {
    folders.home = await makeHome();
    folders.dataDir = join(folders.home, 'data');
  });
  afterEach(async () => {
    await endAll();
    await endPostgres(folders.dataDir);
    await rm(folders.home, { recursive: true, force: true });
  });
  return folders;
};

/** New folders with the data of an earlier start, because a first start takes longer than the next ones. */
export const usePreparedFolders = (): Folders => {
  let template = '';
  beforeAll(async () => {
    template = await makeHome();
    const product = launch(join(template, 'data'));
    await product.ready();
    await product.end('SIGTERM');
    // Each copy must choose its own port.
    await rm(join(template, 'data/postgres.port'));
  });
  afterAll(() => rm(template, { recursive: true, force: true }));
  const folders = useFolders();
  beforeEach(() => {
    execFileSync('cp', ['--archive', join(template, 'data'), folders.dataDir]);
  });
  return folders;
};
