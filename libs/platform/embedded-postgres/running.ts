import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { superuserUrl } from './address';
import { clusterOf } from './server-user';

/**
 * The URL of the embedded PostgreSQL of this data directory, for the command line, which uses the server of a running
 * product; undefined if none was ever started there.
 */
export const embeddedUrl = async (dataDir: string): Promise<string | undefined> => {
  try {
    const read = async (name: string): Promise<string> => (await readFile(join(dataDir, name), 'utf8')).trim();
    const [password, port] = await Promise.all([read('postgres.password'), read('postgres.port')]);
    return superuserUrl(clusterOf(dataDir), port, password);
  } catch {
    return undefined;
  }
};
