/**
 * Resolves after the event loop has handled waiting input, such as requests. Call it between two steps of long
 * synchronous work.
 */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
