import { missing } from '../errors';
import type { Params } from '../form';
import type { World } from '../life/world';
import type { Kind, Of } from '../store/objects';

/** Answers one route. @param ids the ids in the path @throws SimError Stripe's refusal */
export type Answer = (world: World, params: Params, ids: readonly string[]) => object;

/** In a path, `*` stands for an id. */
export type Route = readonly [method: 'GET' | 'POST' | 'DELETE', path: string, answer: Answer];

/** The object with an id. @throws SimError there is none */
export const find = <K extends Kind>({ store }: World, kind: K, id: string): Of<K> => {
  const found = store.get(kind, id);
  if (!found) throw missing(kind, id);
  return found;
};

/** Answers with the object whose id is in the path. */
export const get =
  <K extends Kind>(kind: K): Answer =>
  (world, _, [id = '']) =>
    find(world, kind, id);
