import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './error-code';

/**
 * As `mkdir -p`. Node's own does not end where a folder can hold none, such as `/proc`.
 * @param path absolute
 * @returns whether the last one was made now
 * @throws what the system says, ENOTDIR where a file is in the way
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
      // Another process was faster.
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    },
  );
};
