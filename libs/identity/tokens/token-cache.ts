interface Entry<Value> {
  readonly value: Value;
  readonly expiresAt: number;
  used: boolean;
}

/** Entries that may be passed over for one eviction. */
const CHANCES = 16;

/**
 * What was verified, by the raw token: a signature is checked once and not on each request. Holds `capacity` tokens at
 * most and none beyond its expiry. Where it is full the oldest goes that was not used since it was last passed over
 * ("second chance"): a hit is one look into a map, where moving it to the end of the line would be three.
 */
export const createTokenCache = <Value>(capacity: number) => {
  const entries = new Map<string, Entry<Value>>();

  const evict = (): void => {
    let chances = CHANCES;
    for (const [token, entry] of entries) {
      entries.delete(token);
      if (!entry.used || chances-- === 0) return;
      entry.used = false;
      entries.set(token, entry);
    }
  };

  return {
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
    /** @param expiresAt ms since 1970 */
    put: (token: string, value: Value, expiresAt: number): void => {
      if (!entries.has(token) && entries.size >= capacity) evict();
      entries.set(token, { value, expiresAt, used: false });
    },
    /** Forgets every token that the test is true of; they are verified again if they come again. */
    drop: (test: (value: Value) => boolean): void => {
      for (const [token, { value }] of entries) if (test(value)) entries.delete(token);
    },
    get size() {
      return entries.size;
    },
  };
};

export type TokenCache<Value> = ReturnType<typeof createTokenCache<Value>>;
