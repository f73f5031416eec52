/** One that fails holds up none of those after it. */
export const forEachIsolated = async <T>(
  all: readonly T[],
  work: (one: T) => Promise<unknown>,
  onFailure: (error: unknown, one: T) => void,
): Promise<void> => {
  for (const one of all) {
    try {
      await work(one);
    } catch (error) {
      onFailure(error, one);
    }
  }
};
