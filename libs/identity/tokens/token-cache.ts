interface Entry<Value> {
  readonly value: Value;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** True if it was used since it was added, or since an eviction last skipped it. */
  used: boolean;
}

/** The maximum number of used entries that one eviction skips. */
const MAX_SKIPPED = 16;

/**
 * Results of verified tokens, by the raw token, so that a signature is not verified on each request. An expired result
 * is not returned. A full cache evicts the oldest entry that was not used since it was added or skipped (the algorithm
 * "second chance"). With this algorithm a hit needs one map operation; LRU moves the entry to the end and needs three.
 * @param capacity tokens at most
 */
export const createTokenCache = <Value>(capacity: number) => {
  const entries = new Map<string, Entry<Value>>();

  const evict = (): void => {
    let skipsLeft = MAX_SKIPPED;
    for (const [token, entry] of entries) {
      entries.delete(token);
      if (!entry.used || skipsLeft-- === 0) return;
      entry.used = false;
      entries.set(token, entry);
    }
  };

  return {
    /** @param now milliseconds since 1970 */
    get: (token: string, now: number = Date.now()): Value | undefined => {
      const entry = entries.get(token);
      if (!entry) return undefined;
      if (entry.expiresAt <= now) {
        entries.delete(token);
        return undefined;
      }
      entry.used = true;
      return entry.value;
    },
    /** @param expiresAt milliseconds since 1970 */
    put: (token: string, value: Value, expiresAt: number): void => {
      if (!entries.has(token) && entries.size >= capacity) evict();
      entries.set(token, { value, expiresAt, used: false });
    },
    /** Deletes every token whose value passes the test. Its next use verifies it again. */
    drop: (test: (value: Value) => boolean): void => {
      for (const [token, { value }] of entries) if (test(value)) entries.delete(token);
    },
    get size() {
      return entries.size;
    },
  };
};

export type TokenCache<Value> = ReturnType<typeof createTokenCache<Value>>;
