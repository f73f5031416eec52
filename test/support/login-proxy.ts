import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import type { Target } from './tcp-proxy';

/** How PostgreSQL refuses a login. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface LoginProxy {
  through(url: string): string;
  /** The application names of the logins that were passed on, in order. */
  readonly logins: readonly string[];
  close(): Promise<void>;
}

/** `user`, `application_name` and the other parameters of the start-up message of a login. */
const parametersOf = (startup: Buffer): Map<string, string> => {
  const words = startup.subarray(8).toString('utf8').split('\0');
  const parameters = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) parameters.set(words[at] ?? '', words[at + 1] ?? '');
  return parameters;
};

const errorMessage = ({ code, message }: Refusal): Buffer => {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5, 'E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
};

/**
 * A proxy in front of PostgreSQL that can refuse logins. `refuse` is called for each login with its application name.
 * If it returns a refusal, the login gets the error that PostgreSQL would send, for example while it is starting.
 */
export const startLoginProxy = async (
  target: Target,
  refuse: (application: string) => Refusal | undefined,
): Promise<LoginProxy> => {
  const logins: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client).once('data', (startup: Buffer) => {
      const application = parametersOf(startup).get('application_name') ?? '';
      const refusal = refuse(application);
      if (refusal) return void client.end(errorMessage(refusal));
      logins.push(application);
      const upstream = keep(createConnection(target));
      upstream.write(startup);
      client.pipe(upstream).pipe(client);
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    through: (url) => {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    logins,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
