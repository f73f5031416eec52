import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind, Of, Stored } from './objects';

const FILE = 'stripe-sim.jsonl';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `in_3kTz…`: as Stripe's ids look. */
export const newId = (prefix: string): string =>
  `${prefix}_${[...randomBytes(20)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')}`;

/** Every line that was written whole; one that was interrupted by a kill is left out. */
const readLines = (file: string): Stored[] => {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as Stored];
      } catch {
        return [];
      }
    });
};

/**
 * All objects, in memory, and in a journal of which the last line of an object counts. It is rewritten, without what is
 * outdated, when it is opened.
 * @param dir undefined: nothing is kept
 */
export const openStore = (dir: string | undefined) => {
  const all = new Map<Kind, Map<string, Stored>>();
  const changed = new Map<string, Stored>();
  const file = dir && join(dir, FILE);
  const collection = (kind: Kind): Map<string, Stored> => {
    const known = all.get(kind) ?? new Map<string, Stored>();
    all.set(kind, known);
    return known;
  };
  if (dir && file) {
    mkdirSync(dir, { recursive: true });
    for (const stored of readLines(file)) collection(stored.object).set(stored.id, stored);
    const lines = [...all.values()].flatMap((kind) => [...kind.values()].map((it) => `${JSON.stringify(it)}\n`));
    const fresh = `${file}.${process.pid}.new`;
    writeFileSync(fresh, lines.join(''));
    renameSync(fresh, file);
  }
  return {
    get: <K extends Kind>(kind: K, id: string): Of<K> | undefined => collection(kind).get(id) as Of<K> | undefined,
    list: <K extends Kind>(kind: K): Of<K>[] => [...collection(kind).values()] as Of<K>[],
    /** Keeps it as it is at the next {@link commit}. */
    put: <S extends Stored>(stored: S): S => {
      collection(stored.object).set(stored.id, stored);
      changed.set(stored.id, stored);
      return stored;
    },
    /** What was put lies on the disk afterwards, as far as a killed process is concerned. */
    commit: (): void => {
      if (changed.size === 0) return;
      if (file) appendFileSync(file, [...changed.values()].map((it) => `${JSON.stringify(it)}\n`).join(''));
      changed.clear();
    },
  };
};

export type Store = ReturnType<typeof openStore>;

/** As it is answered: without what is our own. */
export const shown = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (key, it: unknown) => (key.startsWith('_') ? undefined : it))) as T;
