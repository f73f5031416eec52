import { missing } from '../errors';
import { numberOf, objectOf, type Params, textOf } from '../form';

interface Listed {
  readonly id: string;
  readonly created: number;
  readonly type?: unknown;
  readonly _order?: number;
}

/** The filter by `created`, `type` and `types`. */
const filterOf = (params: Params) => {
  const range = objectOf(params, 'created');
  const [gte, gt] = [numberOf(range, 'gte') ?? 0, numberOf(range, 'gt') ?? -1];
  const [lte, lt] = [
    numberOf(range, 'lte') ?? Number.POSITIVE_INFINITY,
    numberOf(range, 'lt') ?? Number.POSITIVE_INFINITY,
  ];
  const types = Array.isArray(params['types']) ? params['types'] : undefined;
  const type = textOf(params, 'type');
  return (it: Listed): boolean =>
    it.created >= gte &&
    it.created > gt &&
    it.created <= lte &&
    it.created < lt &&
    (type === undefined || it.type === type) &&
    (types === undefined || types.includes(String(it.type)));
};

/**
 * A page of a list in Stripe's form, the newest object first. Objects of the same second have the reverse order of
 * their creation.
 * @throws SimError the list has no object with the id of `starting_after` or `ending_before`
 */
export const listed = <T extends Listed>(
  all: readonly T[],
  params: Params,
  show: (it: T) => object = (it) => it,
): object => {
  const limit = Math.min(100, Math.max(1, numberOf(params, 'limit') ?? 10));
  const matches = filterOf(params);
  const newest = all
    .filter(matches)
    .reverse()
    .sort((one, other) => other.created - one.created || (other._order ?? 0) - (one._order ?? 0));
  const [after, before] = [textOf(params, 'starting_after'), textOf(params, 'ending_before')];
  const indexOf = (id: string): number => {
    const index = newest.findIndex((it) => it.id === id);
    if (index < 0) throw missing('object', id);
    return index;
  };
  const from = after ? indexOf(after) + 1 : before ? Math.max(0, indexOf(before) - limit) : 0;
  const to = before ? indexOf(before) : from + limit;
  const data = newest.slice(from, Math.min(to, from + limit)).map(show);
  return { object: 'list', data, has_more: before ? from > 0 : from + limit < newest.length, url: '/v1' };
};
