import { invalid, missing } from '../../errors';
import { flagOf, numberOf, type Params, textOf } from '../../form';
import type { Wanted } from '../../life/subscriptions';
import type { World } from '../../life/world';
import type { Subscription } from '../../store/objects';
import { find } from '../route';

/** Lines as a request names them: of each the price, and one of it unless it says how many. */
export const wantedOf = (world: World, items: readonly Params[]): Wanted[] =>
  items.map((item) => ({
    price: find(world, 'price', textOf(item, 'price') ?? ''),
    quantity: numberOf(item, 'quantity') ?? 1,
  }));

/** The lines that a subscription would have after a request. */
export const itemsAfter = (world: World, subscription: Subscription, items: readonly Params[]) => {
  const changes = new Map(items.flatMap((item) => (textOf(item, 'id') ? [[textOf(item, 'id'), item] as const] : [])));
  for (const id of changes.keys())
    if (!subscription.items.data.some((it) => it.id === id)) throw missing('subscription_item', id ?? '');
  const kept = subscription.items.data.flatMap((it) => {
    const asked = changes.get(it.id);
    if (asked && flagOf(asked, 'deleted')) return [];
    const price = textOf(asked, 'price');
    return [
      {
        id: it.id,
        price: price ? find(world, 'price', price) : it.price,
        quantity: numberOf(asked, 'quantity') ?? it.quantity,
      },
    ];
  });
  const added = wantedOf(
    world,
    items.filter((item) => !textOf(item, 'id')),
  );
  const after = [...kept, ...added];
  if (after.length === 0) throw invalid('A subscription needs an item.', 'items');
  return after;
};
