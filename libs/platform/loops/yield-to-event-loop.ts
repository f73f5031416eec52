/**
 * Lets the event loop process waiting input, for example requests. Call it between two steps of long synchronous work.
 */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
