import { join } from 'node:path';

/** The folder of package.json, relative to the folder to which `scripts/bench.mjs` compiles. */
export const buildRoot = join(__dirname, '../../..');
