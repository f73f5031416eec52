/** A page of one of Stripe's lists, the newest first. */
interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
}

/** Items of a page, the most that Stripe gives. */
const LIMIT = 100;

/** Everything of one of Stripe's lists. @param ask is given where its page begins */
export const allPages = async <T extends { readonly id?: string }>(
  ask: (page: { readonly limit: number; readonly starting_after?: string }) => Promise<Page<T>>,
): Promise<T[]> => {
  const all: T[] = [];
  for (let after: string | undefined; ; ) {
    const { data, has_more } = await ask({ limit: LIMIT, ...(after !== undefined && { starting_after: after }) });
    all.push(...data);
    after = data.at(-1)?.id;
    if (!has_more || after === undefined) return all;
  }
};
