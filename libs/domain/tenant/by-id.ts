type Bucket<T> = { readonly [id: string]: T };
type Branch<T> = { readonly [key: string]: Bucket<T> };

/**
 * Things by their id, as plain data that is copied cheaply: a state is made anew for each event, and copying ten thousand
 * members for each of ten thousand joins would be quadratic. The last two characters of an id lead over one of 16 branches
 * to one of 256 buckets, and only what lies on that way is copied.
 */
export interface ById<T> {
  readonly size: number;
  readonly branches: { readonly [key: string]: Branch<T> };
}

export const none: ById<never> = { size: 0, branches: {} };

/** Never a number: such keys V8 keeps in another way, which is ten times slower to copy. */
const keyOf = (character = ''): string => `_${character}`;

const wayTo = (id: string): [branch: string, bucket: string] => [keyOf(id.at(-1)), keyOf(id.at(-2))];

export const get = <T>({ branches }: ById<T>, id: string): T | undefined => {
  const [branch, key] = wayTo(id);
  const bucket = branches[branch]?.[key];
  // Not what an object has by nature, such as `constructor`.
  return bucket && Object.hasOwn(bucket, id) ? bucket[id] : undefined;
};

export const set = <T>(all: ById<T>, id: string, value: T): ById<T> => {
  const [branch, key] = wayTo(id);
  const buckets = all.branches[branch];
  return {
    size: get(all, id) === undefined ? all.size + 1 : all.size,
    branches: { ...all.branches, [branch]: { ...buckets, [key]: { ...buckets?.[key], [id]: value } } },
  };
};

const without = <T>(all: { readonly [key: string]: T }, key: string): { readonly [key: string]: T } => {
  const { [key]: _, ...rest } = all;
  return rest;
};

/** What is empty is left out. */
const replaced = <T extends object>(
  all: { readonly [key: string]: T },
  key: string,
  value: T,
): { readonly [key: string]: T } => (Object.keys(value).length === 0 ? without(all, key) : { ...all, [key]: value });

export const remove = <T>(all: ById<T>, id: string): ById<T> => {
  if (get(all, id) === undefined) return all;
  const [branch, key] = wayTo(id);
  const buckets = all.branches[branch] ?? {};
  const left = replaced(buckets, key, without(buckets[key] ?? {}, id));
  return { size: all.size - 1, branches: replaced(all.branches, branch, left) };
};

export const entries = function* <T>({ branches }: ById<T>): Generator<readonly [string, T]> {
  for (const buckets of Object.values(branches))
    for (const bucket of Object.values(buckets)) yield* Object.entries(bucket);
};
