/** A folded stream: what its first `version` events came to. */
export interface Folded<State> {
  readonly version: number;
  readonly state: State;
  /** Of the event at that version: the version alone fits another history, too. Undefined at version 0. */
  readonly commandId?: string | undefined;
  /** The first event that this release does not know: `state` is what the others come to. Left out where all are known. */
  readonly unknown?: UnknownFact;
}

/** An event of a newer release: its type, or the schema version of its data, is not known here. */
export interface UnknownFact {
  readonly type: string;
  /** Of the stream. */
  readonly version: number;
}

/**
 * The states of the streams that were used last, at most `capacity`. They may be behind the log: anyone who decides on one
 * appends with its version, and the log refuses the append if it was.
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
      // What is there already was just asked for, and keeps its place.
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
