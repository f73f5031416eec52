import { missing } from '../errors';
import { numberOf, objectOf, type Params, textOf } from '../form';

interface Listed {
  readonly id: string;
  readonly created: number;
  readonly type?: unknown;
  readonly _order?: number;
}

const within = (params: Params) => {
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

/** A page of a list, the newest first, as Stripe pages. Those of one second come in the order in which they were made. */
export const listed = <T extends Listed>(
  all: readonly T[],
  params: Params,
  show: (it: T) => object = (it) => it,
): object => {
  const limit = Math.min(100, Math.max(1, numberOf(params, 'limit') ?? 10));
  const fits = within(params);
  const newest = all
    .filter(fits)
    .reverse()
    .sort((one, other) => other.created - one.created || (other._order ?? 0) - (one._order ?? 0));
  const [after, before] = [textOf(params, 'starting_after'), textOf(params, 'ending_before')];
  const placeOf = (id: string): number => {
    const place = newest.findIndex((it) => it.id === id);
    if (place < 0) throw missing('object', id);
    return place;
  };
  const from = after ? placeOf(after) + 1 : before ? Math.max(0, placeOf(before) - limit) : 0;
  const to = before ? placeOf(before) : from + limit;
  const data = newest.slice(from, Math.min(to, from + limit)).map(show);
  return { object: 'list', data, has_more: before ? from > 0 : from + limit < newest.length, url: '/v1' };
};
