/** The same JSON text for objects that differ only in the order of their fields. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, canonical(field)]));
};

/**
 * Whether two objects hold the same plain data. The order of fields does not count: a snapshot may store another one.
 */
export const isSameData = (one: object, other: object): boolean =>
  JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));
