import { join } from 'node:path';
import { DATABASE, SUPERUSER } from './cluster';

/** The maximum number of bytes in the path of a socket that every system allows: macOS allows 103, Linux 107. */
const LONGEST_PATH = 103;

/**
 * The folder of the server's Unix socket: the folder of the cluster, which only the server's user can access. A round
 * trip over the socket takes half as long as over loopback. Undefined where there cannot be a socket: on Windows, and
 * if the path would be too long.
 */
export const socketDirectory = (cluster: string): string | undefined => {
  const longest = Buffer.byteLength(join(cluster, '.s.PGSQL.65535'));
  return process.platform !== 'win32' && longest <= LONGEST_PATH ? cluster : undefined;
};

/**
 * True for the files of a socket. A killed server leaves them behind, and a new server does not start while any process
 * has the process id in them.
 */
export const isSocketFile = (name: string): boolean => name.startsWith('.s.PGSQL.');

export const LOOPBACK = '127.0.0.1';

/**
 * The URL of the cluster's superuser: over the socket, whose folder is then in place of the host, or else over
 * loopback.
 */
export const superuserUrl = (cluster: string, port: number | string, password: string): string => {
  const host = encodeURIComponent(socketDirectory(cluster) ?? LOOPBACK);
  return `postgres://${SUPERUSER}:${password}@${host}:${port}/${DATABASE}`;
};
