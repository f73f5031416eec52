type Bucket<T> = readonly (readonly [id: string, value: T])[];
type Branch<T> = readonly (Bucket<T> | null)[];

/**
 * The most entries that one array holds before branches are used. Up to this number, a search of the array is as fast
 * as the way through the branches, and a change copies less memory.
 */
const MAX_FEW = 8;

/**
 * An immutable map from ids to values, as plain data that is cheap to copy. A fold creates a new state for each event,
 * and copying ten thousand members for each of ten thousand joins would take quadratic time. Up to {@link MAX_FEW}
 * entries are in one array. With more entries, the last two characters of an id select one of 16 branches, and in it
 * one of 16 buckets; a change copies only the path to its bucket. All parts are arrays: V8 copies an array of 16 slots
 * in one operation, but an object key by key, with a new hidden class for each new id (which took four fifths of the
 * time of a join).
 */
export interface PersistentMap<T> {
  readonly size: number;
  /** All entries, or empty if there are branches. */
  readonly few: Bucket<T>;
  /** Empty, or 16 slots. Branches are kept until the map is empty. */
  readonly branches: readonly (Branch<T> | null)[];
}

export const emptyMap: PersistentMap<never> = { size: 0, few: [], branches: [] };

const EMPTY_SLOTS: readonly null[] = new Array(16).fill(null);

/**
 * The slot for the character at a distance from the end of an id, 0 to 15. Each hexadecimal digit, which UUIDs end
 * with, has its own slot; other characters share the slots. An id without that character has slot 0.
 */
const slotOf = (id: string, fromTheEnd: number): number => {
  const code = id.charCodeAt(id.length - fromTheEnd);
  return ((code & 15) + 9 * (code >>> 6)) & 15;
};

type Branches<T> = PersistentMap<T>['branches'];

const bucketAt = <T>(branches: Branches<T>, id: string): Bucket<T> | undefined | null =>
  branches[slotOf(id, 1)]?.[slotOf(id, 2)];

/** The bucket that holds the id, if the map has it. */
const bucketOf = <T>({ few, branches }: PersistentMap<T>, id: string): Bucket<T> | undefined | null =>
  branches.length === 0 ? few : bucketAt(branches, id);

export const get = <T>(map: PersistentMap<T>, id: string): T | undefined => {
  const bucket = bucketOf(map, id);
  if (bucket) for (const [known, value] of bucket) if (known === id) return value;
  return undefined;
};

/** A copy of 16 slots with another value in one of them; an empty array if all slots are null then. */
const withSlot = <T>(slots: readonly (T | null)[], at: number, value: T | null): readonly (T | null)[] => {
  const copy = (slots.length === 0 ? EMPTY_SLOTS : slots).slice() as (T | null)[];
  copy[at] = value;
  return value === null && copy.every((it) => it === null) ? [] : copy;
};

const withBucket = <T>(branches: Branches<T>, id: string, bucket: Bucket<T>): Branches<T> => {
  const at = slotOf(id, 1);
  const branch = withSlot(branches[at] ?? [], slotOf(id, 2), bucket.length === 0 ? null : bucket);
  return withSlot(branches, at, branch.length === 0 ? null : branch);
};

/** A copy with another bucket for the id. */
const withChangedBucket = <T>(
  { branches }: PersistentMap<T>,
  size: number,
  id: string,
  bucket: Bucket<T>,
): PersistentMap<T> =>
  branches.length === 0
    ? { size, few: bucket, branches }
    : { size, few: [], branches: withBucket(branches, id, bucket) };

const withBranches = <T>({ size, few }: PersistentMap<T>): PersistentMap<T> => {
  let branches: Branches<T> = [];
  for (const entry of few) {
    const [id] = entry;
    branches = withBucket(branches, id, [...(bucketAt(branches, id) ?? []), entry]);
  }
  return { size, few: [], branches };
};

export const set = <T>(map: PersistentMap<T>, id: string, value: T): PersistentMap<T> => {
  const bucket = bucketOf(map, id) ?? [];
  const at = bucket.findIndex(([known]) => known === id);
  if (at >= 0) return withChangedBucket(map, map.size, id, bucket.with(at, [id, value]));
  if (map.branches.length === 0 && map.size === MAX_FEW) return set(withBranches(map), id, value);
  return withChangedBucket(map, map.size + 1, id, [...bucket, [id, value]]);
};

export const remove = <T>(map: PersistentMap<T>, id: string): PersistentMap<T> => {
  const bucket = bucketOf(map, id);
  if (!bucket?.some(([known]) => known === id)) return map;
  return withChangedBucket(
    map,
    map.size - 1,
    id,
    bucket.filter(([known]) => known !== id),
  );
};

/**
 * All entries: in the order of their insertion while they are in one array, then in the order of the buckets. It
 * returns an array, because a rule that searches for an entry goes through an array in half the time of a generator.
 */
export const entries = <T>({ few, branches }: PersistentMap<T>): Bucket<T> => {
  if (branches.length === 0) return few;
  const all: (readonly [string, T])[] = [];
  for (const branch of branches)
    if (branch) for (const bucket of branch) if (bucket) for (const entry of bucket) all.push(entry);
  return all;
};
