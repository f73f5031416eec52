import { join } from 'node:path';

/** Where package.json is, seen from the folder that `scripts/bench.mjs` compiles to. */
export const buildRoot = join(__dirname, '../../..');
