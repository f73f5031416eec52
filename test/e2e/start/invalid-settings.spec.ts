import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { useFolders } from './folders';
import { launch } from './product';

jest.setTimeout(600_000);

const folders = useFolders();

describe('a start with invalid settings', () => {
  it('reads .env from the folder that it is started in', async () => {
    await writeFile(join(folders.home, '.env'), 'LOG_LEVEL=loud\n');
    const product = launch(folders.dataDir, { cwd: folders.home });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toContain('LOG_LEVEL must be one of');
  });

  it.each<[string, () => Promise<Record<string, string>>, RegExp]>([
    [
      'is a file',
      async () => {
        await writeFile(folders.dataDir, '');
        return {};
      },
      /DATA_DIR: \S+\/data is a file\. Name a folder, for example DATA_DIR=/,
    ],
    [
      'is below a file',
      async () => {
        await writeFile(folders.dataDir, '');
        return { DATA_DIR: join(folders.dataDir, 'below') };
      },
      /DATA_DIR: \S+\/data is a file\. Name a folder, for example DATA_DIR=/,
    ],
    [
      'cannot be created',
      async () => ({ DATA_DIR: '/proc/nope' }),
      /DATA_DIR: \/proc\/nope cannot be created \(ENOENT.*\)\. Set another folder, for example DATA_DIR=/,
    ],
    [
      'has a postgres folder of another program',
      async () => {
        await mkdir(join(folders.dataDir, 'postgres'), { recursive: true });
        await chmod(folders.dataDir, 0o755);
        return {};
      },
      /DATA_DIR: \S+\/postgres is not a database that Tenantry has created .*for example DATA_DIR=/,
    ],
    [
      'cannot be created to store the generated SECRET_KEY, although DATABASE_URL is set',
      async () => ({ DATA_DIR: '/proc/nope', DATABASE_URL: 'postgres://owner:secret@127.0.0.1:1/tenantry' }),
      /DATA_DIR \/proc\/nope cannot hold the generated SECRET_KEY \(.*Example: DATA_DIR=/,
    ],
  ])('says in one sentence what to do if DATA_DIR %s', async (_, prepare, sentence) => {
    const product = launch(folders.dataDir, { env: await prepare() });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(sentence);
    expect(product.output()).not.toMatch(/^ +at /m);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['closes the connection', (socket) => socket.once('data', () => socket.destroy())],
    ['does not answer', () => undefined],
    ['speaks another protocol', (socket) => socket.on('data', () => socket.write('-ERR unknown command\r\n'))],
  ])('says in one sentence what to do if the server at DATABASE_URL %s', async (_, answer) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      answer(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const product = launch(folders.dataDir, {
      env: { DATABASE_URL: `postgres://owner:secret@127.0.0.1:${port}/tenantry` },
    });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(
      /DATABASE_URL points to 127\.0\.0\.1:\d+, where no PostgreSQL answers .*Example: DATABASE_URL=/,
    );
    expect(product.output()).not.toMatch(/^ +at /m);
    expect(product.output()).not.toContain(`owner:secret@127.0.0.1:${port}`);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('reports all invalid settings at once, each with an example', async () => {
    const product = launch(folders.dataDir, {
      env: { PORT: 'http', ROLE: 'both', DATABASE_URL: 'mysql://root:hidden@db/x' },
    });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(
      /ROLE must be .*\n.*PORT must be .*\n.*DATABASE_URL must be .*Example: DATABASE_URL=postgres/,
    );
    expect(product.output()).not.toContain('hidden');
  });
});
