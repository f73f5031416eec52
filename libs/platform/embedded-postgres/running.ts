import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { superuserUrl } from './address';
import { clusterOf } from './server-user';

/**
 * The URL of the embedded PostgreSQL that a running product keeps in this data directory, for the command line beside it;
 * undefined where there never was one.
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
