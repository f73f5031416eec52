/**
 * Whether plain data has every field of a sample, each of the same type as in the sample. Null in the sample matches
 * any value. It checks states that are read from a snapshot, which may lack a field that a newer release added.
 */
const matchesSample = (value: unknown, sample: unknown): boolean => {
  if (sample === null) return value !== undefined;
  if (Array.isArray(sample)) return Array.isArray(value);
  if (typeof sample !== 'object') return typeof value === typeof sample;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields = value as { [key: string]: unknown };
  return Object.entries(sample as object).every(([key, field]) => matchesSample(fields[key], field));
};

/**
 * {@link matchesSample} for a union: compares the value with the sample that has the same text in the discriminating
 * field.
 * @param field the field whose text differs between the samples
 * @returns false if no sample has that text
 */
export const matchesOneSample = <Field extends string>(
  value: unknown,
  field: Field,
  samples: readonly { readonly [key in Field]: string }[],
): boolean => {
  const kind = (value as { [key: string]: unknown } | null)?.[field];
  const sample = samples.find((it) => it[field] === kind);
  return sample !== undefined && matchesSample(value, sample);
};
