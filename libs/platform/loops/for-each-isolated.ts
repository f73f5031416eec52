/** Calls `work` for each item, one after the other. If it rejects, `onFailure` is called and the next item follows. */
export const forEachIsolated = async <T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
  onFailure: (error: unknown, item: T) => void,
): Promise<void> => {
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      onFailure(error, item);
    }
  }
};
