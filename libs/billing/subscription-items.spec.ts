import { itemChanges } from './subscription-items';

const line = (id: string, price: string) => ({ id, price: { id: price } });
const pro = { price: 'pro', quantity: 1 };

describe('the lines of a subscription', () => {
  it('keep what stays, and add what is new', () => {
    const wanted = [pro, { price: 'seat', quantity: 15 }];
    expect(itemChanges([line('a', 'pro')], wanted)).toEqual([
      { id: 'a', quantity: 1 },
      { price: 'seat', quantity: 15 },
    ]);
  });

  it('swap the price of the first one where the plan is another, and drop the others', () => {
    const present = [line('a', 'pro'), line('b', 'seat')];
    expect(itemChanges(present, [{ price: 'enterprise', quantity: 1 }])).toEqual([
      { id: 'a', price: 'enterprise', quantity: 1 },
      { id: 'b', deleted: true },
    ]);
  });

  it('become one where there were several of a price', () => {
    const present = [line('a', 'pro'), line('b', 'seat'), line('c', 'seat')];
    expect(itemChanges(present, [pro, { price: 'seat', quantity: 15 }])).toEqual([
      { id: 'a', quantity: 1 },
      { id: 'b', quantity: 15 },
      { id: 'c', deleted: true },
    ]);
  });
});
