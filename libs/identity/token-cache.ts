interface Entry<Value> {
  readonly value: Value;
  readonly expiresAt: number;
}

/**
 * What was verified, by the raw token: a signature is checked once and not on each request. Holds `capacity` tokens at
 * most, the ones that were verified last, and none beyond its expiry.
 */
export const createTokenCache = <Value>(capacity: number) => {
  const entries = new Map<string, Entry<Value>>();
  return {
    get: (token: string, now: number = Date.now()): Value | undefined => {
      const entry = entries.get(token);
      if (!entry) return undefined;
      if (entry.expiresAt <= now) {
        entries.delete(token);
        return undefined;
      }
      return entry.value;
    },
    /** @param expiresAt ms since 1970 */
    put: (token: string, value: Value, expiresAt: number): void => {
      entries.set(token, { value, expiresAt });
      if (entries.size > capacity) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
    },
    /** Forgets every token that the test is true of; they are verified anew if they come again. */
    drop: (test: (value: Value) => boolean): void => {
      for (const [token, { value }] of entries) if (test(value)) entries.delete(token);
    },
    get size() {
      return entries.size;
    },
  };
};

export type TokenCache<Value> = ReturnType<typeof createTokenCache<Value>>;
