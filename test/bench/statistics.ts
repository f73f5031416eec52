const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Nearest rank. @param share 0..1 */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = ascending(values);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
};

/** Place by place: how each round of one contender compares to the same round of the other. */
export const ratios = (ours: readonly number[], theirs: readonly number[]): number[] =>
  ours.map((value, at) => value / (theirs[at] ?? Number.NaN));

/** Three significant digits for people: `9,120`, `0.83`. */
export const shown = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
