import type { Context, Part } from '../context';

/** Stands in until the background work is here. */
export const startWorker = async (_context: Context): Promise<Part> => ({ stop: async () => undefined });
