import { itemChanges } from './subscription-items';

const line = (id: string, price: string) => ({ id, price: { id: price } });
const pro = { price: 'pro', quantity: 1 };

describe('the lines of a subscription', () => {
  it('keep the present ones that are wanted, and add the missing ones', () => {
    const wanted = [pro, { price: 'seat', quantity: 15 }];
    expect(itemChanges([line('a', 'pro')], wanted)).toEqual([
      { id: 'a', quantity: 1 },
      { price: 'seat', quantity: 15 },
    ]);
  });

  it('change the price of the first one for another plan, and delete the others', () => {
    const present = [line('a', 'pro'), line('b', 'seat')];
    expect(itemChanges(present, [{ price: 'enterprise', quantity: 1 }])).toEqual([
      { id: 'a', price: 'enterprise', quantity: 1 },
      { id: 'b', deleted: true },
    ]);
  });

  it('become one line if there were several with the same price', () => {
    const present = [line('a', 'pro'), line('b', 'seat'), line('c', 'seat')];
    expect(itemChanges(present, [pro, { price: 'seat', quantity: 15 }])).toEqual([
      { id: 'a', quantity: 1 },
      { id: 'b', quantity: 15 },
      { id: 'c', deleted: true },
    ]);
  });
});
