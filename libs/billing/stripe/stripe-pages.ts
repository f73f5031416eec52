/** A page of a list of Stripe, the newest first. */
interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
}

/** Items of a page: Stripe's maximum. */
const LIMIT = 100;

/** Reads a whole list of Stripe. @param readPage reads the page that begins after the item `starting_after` */
export const allPages = async <T extends { readonly id?: string }>(
  readPage: (page: { readonly limit: number; readonly starting_after?: string }) => Promise<Page<T>>,
): Promise<T[]> => {
  const all: T[] = [];
  for (let after: string | undefined; ; ) {
    const { data, has_more } = await readPage({ limit: LIMIT, ...(after !== undefined && { starting_after: after }) });
    all.push(...data);
    after = data.at(-1)?.id;
    if (!has_more || after === undefined) return all;
  }
};
