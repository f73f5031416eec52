/** The state of a stream after its first `version` events. */
export interface Folded<State> {
  readonly version: number;
  readonly state: State;
  /**
   * The command of the event at that version. The version alone does not identify the history: after a restore another
   * event may have the same version. Undefined at version 0.
   */
  readonly commandId?: string | undefined;
  /**
   * The first event that this release does not know; `state` was computed without it. Absent if all events are known.
   */
  readonly unknown?: UnknownFact;
}

/** An event of a newer release: this release does not know its type or the schema version of its data. */
export interface UnknownFact {
  readonly type: string;
  /** The version of the stream with this event. */
  readonly version: number;
}

/**
 * Keeps the states of the `capacity` most recently used streams. A state may be behind the log: a command that decided
 * on it appends with its version as the expected version, and the log refuses the append if the stream has moved on.
 */
export const createStateCache = (capacity: number) => {
  const entries = new Map<string, Folded<unknown>>();
  return {
    get: <State>(key: string): Folded<State> | undefined => {
      const entry = entries.get(key);
      if (!entry) return undefined;
      // A Map keeps insertion order: the oldest key is the one that was used least recently.
      entries.delete(key);
      entries.set(key, entry);
      return entry as Folded<State>;
    },
    put: <State>(key: string, folded: Folded<State>): void => {
      const present = entries.get(key);
      if (present && present.version > folded.version) return;
      // A key that exists keeps its place in the order: `get` has just moved it to the end.
      entries.set(key, folded);
      if (entries.size > capacity) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
    },
    drop: (key: string): void => {
      entries.delete(key);
    },
    dropAll: (prefix: string): void => {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
  };
};

export type StateCache = ReturnType<typeof createStateCache>;
