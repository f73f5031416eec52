import { randomBytes, randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { codeOf } from '../error-code';
import { makeFolders } from '../make-folders';
import { parseKey } from './kinds';
import { type Settings, SettingsError } from './settings';
import { TABLE } from './table';

/**
 * The key from which all other keys are derived: SECRET_KEY, else the content of SECRET_KEY_FILE, else the content of
 * `secret.key` in the data directory, which the first start generates (mode 0600).
 * @returns 32 bytes
 * @throws SettingsError the file does not hold a key, or it cannot be written
 */
export const resolveSecretKey = async (settings: Settings, dataDir: string): Promise<Buffer> => {
  if (settings.secretKey) return settings.secretKey;
  if (settings.secretKeyFile) return readKey(settings.secretKeyFile);
  const file = join(dataDir, 'secret.key');
  const own = `${file}.${randomUUID()}`;
  try {
    await makeFolders(resolve(dataDir));
    await writeFile(own, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
    // The link exists with the whole key or not at all. If several processes start first at the same time, one link
    // succeeds, and all of them read its key below.
    await link(own, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new SettingsError([
      `DATA_DIR ${dataDir} cannot hold the generated SECRET_KEY (${what}). Name a folder that can be written to. Example: DATA_DIR=${TABLE.DATA_DIR.example}`,
    ]);
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
  return readKey(file);
};

const readKey = async (file: string): Promise<Buffer> => {
  try {
    return parseKey((await readFile(file, 'utf8')).trim());
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new SettingsError([
      `SECRET_KEY_FILE ${file} does not hold a key (${what}). Example: SECRET_KEY_FILE=${TABLE.SECRET_KEY_FILE.example}`,
    ]);
  }
};
