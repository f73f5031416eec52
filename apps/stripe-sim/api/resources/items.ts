import { invalid, missing } from '../../errors';
import { flagOf, numberOf, type Params, textOf } from '../../form';
import type { WantedItem } from '../../life/lines';
import type { World } from '../../life/world';
import type { Subscription } from '../../store/objects';
import { find } from '../route';

/** The items of a request. The quantity is 1 by default. @throws SimError a price does not exist */
export const wantedOf = (world: World, items: readonly Params[]): WantedItem[] =>
  items.map((item) => ({
    price: find(world, 'price', textOf(item, 'price') ?? ''),
    quantity: numberOf(item, 'quantity') ?? 1,
  }));

/**
 * The items that a subscription would have after a request.
 * @throws SimError an item or a price does not exist, or none is left
 */
export const itemsAfter = (world: World, subscription: Subscription, items: readonly Params[]) => {
  const changes = new Map(items.flatMap((item) => (textOf(item, 'id') ? [[textOf(item, 'id'), item] as const] : [])));
  for (const id of changes.keys())
    if (!subscription.items.data.some((it) => it.id === id)) throw missing('subscription_item', id ?? '');
  const kept = subscription.items.data.flatMap((it) => {
    const itemChange = changes.get(it.id);
    if (itemChange && flagOf(itemChange, 'deleted')) return [];
    const price = textOf(itemChange, 'price');
    return [
      {
        id: it.id,
        price: price ? find(world, 'price', price) : it.price,
        quantity: numberOf(itemChange, 'quantity') ?? it.quantity,
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
