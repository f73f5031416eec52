/** A value of a form: a text, a list or an object. */
export type Form = string | Form[] | { [name: string]: Form };
export type Params = { [name: string]: Form };

const MAX_DEPTH = 8;

/** `a[b][]` becomes `a`, `b` and an empty text. A malformed name becomes an empty list. */
const keysOf = (name: string): string[] => {
  const [, head = '', rest = ''] = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name) ?? [];
  return head === '' ? [] : [head, ...[...rest.matchAll(/\[([^[\]]*)\]/g)].map(([, key = '']) => key)];
};

/**
 * Turns objects whose keys are numbers into lists. Objects have no prototype, so that no name of a form can change one.
 */
const withLists = (value: Form): Form => {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, it]) => [key, withLists(it)] as const);
  const isList = entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key));
  if (isList) return entries.sort(([one], [other]) => Number(one) - Number(other)).map(([, it]) => it);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
};

/** Reads a form as Stripe does: `items[0][price]=…&expand[]=…`. Malformed names are left out. */
export const parseForm = (text: string): Params => {
  const root: Params = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const path = keysOf(name);
    if (path.length === 0 || path.length > MAX_DEPTH || path.includes('__proto__')) continue;
    let at = root;
    for (const key of path.slice(0, -1)) {
      const own = key === '' ? String(Object.keys(at).length) : key;
      const next = at[own];
      if (typeof next !== 'object' || Array.isArray(next)) at[own] = Object.create(null);
      at = at[own] as Params;
    }
    const last = path.at(-1) ?? '';
    at[last === '' ? String(Object.keys(at).length) : last] = value;
  }
  return withLists(root) as Params;
};

/** A text of a form; undefined: there is none with this name. */
export const textOf = (params: Params | undefined, name: string): string | undefined => {
  const value = params?.[name];
  return typeof value === 'string' ? value : undefined;
};
/** A whole number of a form; undefined: there is none with this name. */
export const numberOf = (params: Params | undefined, name: string): number | undefined => {
  const text = textOf(params, name);
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
};
/** `true` or `false` of a form; undefined: there is neither with this name. */
export const flagOf = (params: Params | undefined, name: string): boolean | undefined => {
  const text = textOf(params, name);
  return text === 'true' ? true : text === 'false' ? false : undefined;
};
/** An object of a form; undefined: there is none with this name. */
export const objectOf = (params: Params | undefined, name: string): Params | undefined => {
  const value = params?.[name];
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined;
};
/** The objects in a list of a form; empty: there is no list with this name. */
export const listOf = (params: Params | undefined, name: string): Params[] => {
  const value = params?.[name];
  return Array.isArray(value) ? value.filter((it): it is Params => typeof it === 'object' && !Array.isArray(it)) : [];
};
/** The metadata of an object: texts by name, which Stripe stores for the caller. */
export const metadataOf = (params: Params): Record<string, string> =>
  Object.fromEntries(
    Object.entries(objectOf(params, 'metadata') ?? {}).filter(
      (it): it is [string, string] => typeof it[1] === 'string',
    ),
  );
