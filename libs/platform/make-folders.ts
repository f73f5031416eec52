import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './error-code';

/**
 * Makes a folder and its missing parents, as `mkdir -p` does. Node's `mkdir` with `recursive` does not return for a
 * path below a folder in which no folder can be made, such as `/proc`.
 * @param path absolute
 * @returns true if this call made the folder, false if it existed
 * @throws the error of the system; with code ENOTDIR if a part of the path is a file
 */
export const makeFolders = async (path: string): Promise<boolean> => {
  const there = await stat(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  if (there?.isDirectory()) return false;
  if (there) throw Object.assign(new Error(`${path} is a file`), { code: 'ENOTDIR' });
  await makeFolders(dirname(path));
  return mkdir(path).then(
    () => true,
    (error: unknown) => {
      // Another process has made the folder in the meantime.
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    },
  );
};
