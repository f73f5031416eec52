import { projectionsOf } from './projection';

type Nothing = Record<string, never>;
type OrderEvent = { type: 'OrderPlaced'; data: { amount: number } } | { type: 'OrderCancelled'; data: Nothing };
type PriceEvent = { type: 'PriceChanged'; data: Nothing };
type ParcelEvent = { type: 'ParcelSent'; data: Nothing };

type Events = { 'shop.orders': OrderEvent; 'shop.prices': PriceEvent; parcel: ParcelEvent };
type EventsWithRefund = Omit<Events, 'shop.orders'> & {
  'shop.orders': OrderEvent | { type: 'OrderRefunded'; data: Nothing };
};
type EventsWithDiscount = Omit<Events, 'shop.prices'> & {
  'shop.prices': PriceEvent | { type: 'DiscountGiven'; data: Nothing };
};
type EventsWithReturns = Events & { returns: { type: 'ParcelReturned'; data: Nothing } };

const define = projectionsOf<Events>();
const orders = { key: ['id'], columns: { id: 'uuid', amount: 'integer' } } as const;
const base = { name: 'orders', version: 1, schema: '', tables: { orders } } as const;
const ignore = () => {};
const on = { OrderPlaced: ignore, OrderCancelled: ignore };

describe('a projection of several aggregates', () => {
  it('handles the events that it does not leave alone', () => {
    expect(define({ ...base, leavesAlone: ['shop.prices', 'parcel'], on }).types).toEqual(Object.keys(on));
  });

  it('can leave alone a whole aggregate, a part of an aggregate, or one event', () => {
    expect(define({ ...base, leavesAlone: ['shop'], on: { ParcelSent: ignore } }).types).toEqual(['ParcelSent']);
    const placed = define({
      ...base,
      leavesAlone: ['shop.prices', 'parcel', 'OrderCancelled'],
      on: { OrderPlaced: ({ data }, rows) => rows.orders.put({ id: null, amount: data.amount }) },
    });
    expect(placed.types).toEqual(['OrderPlaced']);
  });

  it('does not compile when an aggregate that it handles has a new event', () => {
    const defineWithRefund = projectionsOf<EventsWithRefund>();
    // @ts-expect-error: OrderRefunded has no handler and is not left alone
    defineWithRefund({ ...base, leavesAlone: ['shop.prices', 'parcel'], on });
    defineWithRefund({ ...base, leavesAlone: ['shop.prices', 'parcel', 'OrderRefunded'], on });
    defineWithRefund({ ...base, leavesAlone: ['shop.prices', 'parcel'], on: { ...on, OrderRefunded: ignore } });
  });

  it('compiles when a part that it leaves alone has a new event', () => {
    projectionsOf<EventsWithDiscount>()({ ...base, leavesAlone: ['shop.prices', 'parcel'], on });
  });

  it('does not compile when there is a new aggregate that it does not mention', () => {
    // @ts-expect-error: the aggregate `returns` is neither handled nor left alone
    projectionsOf<EventsWithReturns>()({ ...base, leavesAlone: ['shop.prices', 'parcel'], on });
  });

  it('does not compile when it handles an event that it leaves alone, or leaves alone an aggregate that does not exist', () => {
    // @ts-expect-error: OrderPlaced is in the part that is left alone
    define({ ...base, leavesAlone: ['shop'], on: { ParcelSent: ignore, OrderPlaced: ignore } });
    // @ts-expect-error: there is no aggregate `stock`
    define({ ...base, leavesAlone: ['shop.prices', 'parcel', 'stock'], on });
  });
});
