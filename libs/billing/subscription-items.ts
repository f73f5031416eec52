/** One line of a subscription. */
export interface SubscriptionItem {
  readonly price: string;
  readonly quantity: number;
}

/** What becomes of a line, by its id; one without an id is new. */
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

/** The lines as they are, turned into those that are wanted: of several of one price the first one is left. */
export const itemChanges = (present: readonly Line[], wanted: readonly SubscriptionItem[]): ItemChange[] => {
  const kept = present.map(({ id, price }, at) => {
    const isFirst = present.findIndex((it) => it.price.id === price.id) === at;
    const item = isFirst ? wanted.find((it) => it.price === price.id) : undefined;
    return item ? { id, quantity: item.quantity } : { id, deleted: true as const };
  });
  const fresh = wanted.filter(({ price }) => !present.some((it) => it.price.id === price));
  // The first line changes its price, so that there is one to prorate; the others come and go.
  const [first, ...others] = kept;
  const [swap, ...added] = fresh;
  if (first && 'deleted' in first && swap) return [{ id: first.id, ...swap }, ...others, ...added];
  return [...kept, ...fresh];
};
