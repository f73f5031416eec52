/** One line of a subscription. */
export interface SubscriptionItem {
  readonly price: string;
  readonly quantity: number;
}

/** The change of one line of a subscription at Stripe. A line without an id is added. */
export interface ItemChange {
  readonly id?: string;
  readonly price?: string;
  readonly quantity?: number;
  readonly deleted?: true;
}

interface Line {
  readonly id: string;
  readonly price: { readonly id: string };
}

/**
 * The changes that turn the present lines into the wanted ones. Of several present lines with the same price the first
 * stays.
 */
export const itemChanges = (present: readonly Line[], wanted: readonly SubscriptionItem[]): ItemChange[] => {
  const kept = present.map(({ id, price }, index) => {
    const isFirst = present.findIndex((it) => it.price.id === price.id) === index;
    const item = isFirst ? wanted.find((it) => it.price === price.id) : undefined;
    return item ? { id, quantity: item.quantity } : { id, deleted: true as const };
  });
  const missing = wanted.filter(({ price }) => !present.some((it) => it.price.id === price));
  // The first line gets a new price instead of being replaced, so that Stripe prorates the change of one line.
  const [first, ...others] = kept;
  const [swap, ...added] = missing;
  if (first && 'deleted' in first && swap) return [{ id: first.id, ...swap }, ...others, ...added];
  return [...kept, ...missing];
};
