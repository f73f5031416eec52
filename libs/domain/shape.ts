/**
 * Whether plain data has every field of a sample, each of the sample's kind. Null in the sample stands for any value.
 * For states that come back from a snapshot, where a field may be missing that a newer release added.
 */
const hasShapeOf = (value: unknown, sample: unknown): boolean => {
  if (sample === null) return value !== undefined;
  if (Array.isArray(sample)) return Array.isArray(value);
  if (typeof sample !== 'object') return typeof value === typeof sample;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields = value as { [key: string]: unknown };
  return Object.entries(sample as object).every(([key, field]) => hasShapeOf(fields[key], field));
};

/** {@link hasShapeOf} one of several samples, which differ in the text of one field. */
export const hasShapeOfOne = <Field extends string>(
  value: unknown,
  field: Field,
  samples: readonly { readonly [key in Field]: string }[],
): boolean => {
  const kind = (value as { [key: string]: unknown } | null)?.[field];
  const sample = samples.find((it) => it[field] === kind);
  return sample !== undefined && hasShapeOf(value, sample);
};
