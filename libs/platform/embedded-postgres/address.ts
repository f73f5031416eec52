import { join } from 'node:path';
import { DATABASE, SUPERUSER } from './cluster';

/** Bytes that the path of a socket may have in every system: macOS takes 103, Linux 107. */
const LONGEST_PATH = 103;

/**
 * Where the server's socket is: among the cluster's files, which are its user's alone. A round trip over it costs half of what
 * one over loopback does. Undefined where there can be none: on Windows, and below a path that is too long for one.
 */
export const socketDirectory = (cluster: string): string | undefined => {
  const longest = Buffer.byteLength(join(cluster, '.s.PGSQL.65535'));
  return process.platform !== 'win32' && longest <= LONGEST_PATH ? cluster : undefined;
};

/** What a server that was killed leaves of its socket: a new one believes it as long as the process id is anybody's. */
export const isSocketFile = (name: string): boolean => name.startsWith('.s.PGSQL.');

export const LOOPBACK = '127.0.0.1';

/** For the superuser of a cluster's server: over its socket, whose folder then stands for the host, else over loopback. */
export const superuserUrl = (cluster: string, port: number | string, password: string): string => {
  const host = encodeURIComponent(socketDirectory(cluster) ?? LOOPBACK);
  return `postgres://${SUPERUSER}:${password}@${host}:${port}/${DATABASE}`;
};
