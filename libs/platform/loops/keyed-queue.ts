/**
 * Runs the work of one key in sequence, and the work of different keys in parallel, within this process. If work fails,
 * only its own caller gets the error.
 */
export const createKeyedQueue = () => {
  const tails = new Map<string, Promise<unknown>>();
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const previous = tails.get(key);
    const current = previous ? previous.then(work, work) : work();
    tails.set(key, current);
    try {
      return await current;
    } finally {
      if (tails.get(key) === current) tails.delete(key);
    }
  };
};
