type Bucket<T> = readonly (readonly [id: string, value: T])[];
type Branch<T> = readonly (Bucket<T> | null)[];

/** How many lie in one array, which a look goes through as fast as down the branches, and a change copies in less room. */
const FEW = 8;

/**
 * Things by their id, as plain data that is copied cheaply: a state is made again for each event, and copying ten thousand
 * members for each of ten thousand joins would be quadratic. A few lie side by side. Of more, the last two characters of an
 * id lead over one of 16 branches to one of 256 buckets, and only what lies on that way is copied. All of it arrays: V8
 * copies 16 places of one at once, and objects key by key, with a shape of their own for each new id (four fifths of what a
 * join cost, when these were objects).
 */
export interface PersistentMap<T> {
  readonly size: number;
  /** All of them, unless there are branches. */
  readonly few: Bucket<T>;
  /** Nothing, or 16 of them. They stay until nothing is left. */
  readonly branches: readonly (Branch<T> | null)[];
}

export const none: PersistentMap<never> = { size: 0, few: [], branches: [] };

const PLACES: readonly null[] = new Array(16).fill(null);

/** 0 to 15 for a hexadecimal digit, as ids end with; some of them for any other character. */
const placeOf = (id: string, fromTheEnd: number): number => {
  const code = id.length < fromTheEnd ? 0 : id.charCodeAt(id.length - fromTheEnd);
  return ((code & 15) + 9 * (code >>> 6)) & 15;
};

type Branches<T> = PersistentMap<T>['branches'];

const placed = <T>(branches: Branches<T>, id: string): Bucket<T> | undefined | null =>
  branches[placeOf(id, 1)]?.[placeOf(id, 2)];

/** Where it lies, if it is there. */
const bucketOf = <T>({ few, branches }: PersistentMap<T>, id: string): Bucket<T> | undefined | null =>
  branches.length === 0 ? few : placed(branches, id);

export const get = <T>(all: PersistentMap<T>, id: string): T | undefined => {
  const bucket = bucketOf(all, id);
  if (bucket) for (const [known, value] of bucket) if (known === id) return value;
  return undefined;
};

/** A copy with something else, or nothing, in one of the 16 places; nothing where nothing is left. */
const withPlace = <T>(places: readonly (T | null)[], at: number, value: T | null): readonly (T | null)[] => {
  const copy = (places.length === 0 ? PLACES : places).slice() as (T | null)[];
  copy[at] = value;
  return value === null && copy.every((it) => it === null) ? [] : copy;
};

const withBucket = <T>(branches: Branches<T>, id: string, bucket: Bucket<T>): Branches<T> => {
  const at = placeOf(id, 1);
  const branch = withPlace(branches[at] ?? [], placeOf(id, 2), bucket.length === 0 ? null : bucket);
  return withPlace(branches, at, branch.length === 0 ? null : branch);
};

/** The same with another bucket where the id belongs. */
const changed = <T>({ branches }: PersistentMap<T>, size: number, id: string, bucket: Bucket<T>): PersistentMap<T> =>
  branches.length === 0
    ? { size, few: bucket, branches }
    : { size, few: [], branches: withBucket(branches, id, bucket) };

const branchedOut = <T>({ size, few }: PersistentMap<T>): PersistentMap<T> => {
  let branches: Branches<T> = [];
  for (const entry of few) {
    const [id] = entry;
    branches = withBucket(branches, id, [...(placed(branches, id) ?? []), entry]);
  }
  return { size, few: [], branches };
};

export const set = <T>(all: PersistentMap<T>, id: string, value: T): PersistentMap<T> => {
  const bucket = bucketOf(all, id) ?? [];
  const at = bucket.findIndex(([known]) => known === id);
  if (at >= 0) return changed(all, all.size, id, bucket.with(at, [id, value]));
  if (all.branches.length === 0 && all.size === FEW) return set(branchedOut(all), id, value);
  return changed(all, all.size + 1, id, [...bucket, [id, value]]);
};

export const remove = <T>(all: PersistentMap<T>, id: string): PersistentMap<T> => {
  const bucket = bucketOf(all, id);
  if (!bucket?.some(([known]) => known === id)) return all;
  return changed(
    all,
    all.size - 1,
    id,
    bucket.filter(([known]) => known !== id),
  );
};

/**
 * All of them, by age while they are few, else by place. An array, which a rule that looks for one goes through in half of a
 * generator's time.
 */
export const entries = <T>({ few, branches }: PersistentMap<T>): Bucket<T> => {
  if (branches.length === 0) return few;
  const all: (readonly [string, T])[] = [];
  for (const branch of branches)
    if (branch) for (const bucket of branch) if (bucket) for (const entry of bucket) all.push(entry);
  return all;
};
