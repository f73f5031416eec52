type Bucket<T> = readonly (readonly [id: string, value: T])[];
type Branch<T> = readonly (Bucket<T> | null)[];

/**
 * Things by their id, as plain data that is copied cheaply: a state is made anew for each event, and copying ten thousand
 * members for each of ten thousand joins would be quadratic. The last two characters of an id lead over one of 16 branches
 * to one of 256 buckets, and only what lies on that way is copied. All of it arrays: V8 copies 16 places of one at once, and
 * objects key by key, with a shape of their own for each new id (four fifths of what a join cost, when these were objects).
 */
export interface ById<T> {
  readonly size: number;
  /** Nothing, or 16 of them. */
  readonly branches: readonly (Branch<T> | null)[];
}

export const none: ById<never> = { size: 0, branches: [] };

const PLACES: readonly null[] = new Array(16).fill(null);

/** 0 to 15 for a hexadecimal digit, as ids end with; some of them for any other character. */
const placeOf = (id: string, fromTheEnd: number): number => {
  const code = id.length < fromTheEnd ? 0 : id.charCodeAt(id.length - fromTheEnd);
  return ((code & 15) + 9 * (code >>> 6)) & 15;
};

const bucketOf = <T>({ branches }: ById<T>, id: string): Bucket<T> | undefined | null =>
  branches[placeOf(id, 1)]?.[placeOf(id, 2)];

export const get = <T>(all: ById<T>, id: string): T | undefined => {
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

const withBucket = <T>({ branches }: ById<T>, id: string, bucket: Bucket<T>): ById<T>['branches'] => {
  const at = placeOf(id, 1);
  const branch = withPlace(branches[at] ?? [], placeOf(id, 2), bucket.length === 0 ? null : bucket);
  return withPlace(branches, at, branch.length === 0 ? null : branch);
};

export const set = <T>(all: ById<T>, id: string, value: T): ById<T> => {
  const bucket = bucketOf(all, id) ?? [];
  const isKnown = bucket.some(([known]) => known === id);
  const entry = [id, value] as const;
  const next = isKnown ? bucket.map((it) => (it[0] === id ? entry : it)) : [...bucket, entry];
  return { size: isKnown ? all.size : all.size + 1, branches: withBucket(all, id, next) };
};

export const remove = <T>(all: ById<T>, id: string): ById<T> => {
  const bucket = bucketOf(all, id);
  if (!bucket?.some(([known]) => known === id)) return all;
  const left = bucket.filter(([known]) => known !== id);
  return { size: all.size - 1, branches: withBucket(all, id, left) };
};

/** All of them, by place and not by age. An array, which a rule that looks for one goes through in half of a generator's time. */
export const entries = <T>({ branches }: ById<T>): (readonly [string, T])[] => {
  const all: (readonly [string, T])[] = [];
  for (const branch of branches)
    if (branch) for (const bucket of branch) if (bucket) for (const entry of bucket) all.push(entry);
  return all;
};
