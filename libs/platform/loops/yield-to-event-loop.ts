/** Lets what has come in meanwhile be heard: between two pieces of long work, so that nobody who is asked need wait. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
