import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind, Of, Stored } from './objects';

const FILE = 'stripe-sim.jsonl';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A random id in the form of Stripe's ids, such as `in_3kTz…`. */
export const newId = (prefix: string): string =>
  `${prefix}_${[...randomBytes(20)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')}`;

/** Reads the journal. A line that was not written completely, because the process was killed, is left out. */
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
 * Holds all objects in memory and in a journal file, in which the last line of an object counts. When the journal is
 * opened, it is written again without outdated lines.
 * @param dir undefined: the objects are held in memory only
 */
export const openStore = (dir: string | undefined) => {
  const all = new Map<Kind, Map<string, Stored>>();
  const changed = new Map<string, Stored>();
  const file = dir && join(dir, FILE);
  const collection = (kind: Kind): Map<string, Stored> => {
    const objects = all.get(kind) ?? new Map<string, Stored>();
    all.set(kind, objects);
    return objects;
  };
  if (dir && file) {
    mkdirSync(dir, { recursive: true });
    for (const stored of readLines(file)) collection(stored.object).set(stored.id, stored);
    const lines = [...all.values()].flatMap((kind) => [...kind.values()].map((it) => `${JSON.stringify(it)}\n`));
    const rewritten = `${file}.${process.pid}.new`;
    writeFileSync(rewritten, lines.join(''));
    renameSync(rewritten, file);
  }
  return {
    get: <K extends Kind>(kind: K, id: string): Of<K> | undefined => collection(kind).get(id) as Of<K> | undefined,
    list: <K extends Kind>(kind: K): Of<K>[] => [...collection(kind).values()] as Of<K>[],
    /** Stores an object. The next {@link commit} writes it to the journal in the state that it has then. */
    put: <S extends Stored>(stored: S): S => {
      collection(stored.object).set(stored.id, stored);
      changed.set(stored.id, stored);
      return stored;
    },
    /**
     * Appends the changed objects to the journal, so that they survive a kill of the process, but not a crash of the
     * machine.
     */
    commit: (): void => {
      if (changed.size === 0) return;
      if (file) appendFileSync(file, [...changed.values()].map((it) => `${JSON.stringify(it)}\n`).join(''));
      changed.clear();
    },
  };
};

export type Store = ReturnType<typeof openStore>;

/** The public form of an object, without the fields that begin with `_`. */
export const publicForm = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (key, it: unknown) => (key.startsWith('_') ? undefined : it))) as T;
