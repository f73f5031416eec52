import { createCatalogue } from '#plans/catalogue/index';
import { Problem } from '#platform/problems';
import { purchaseOf } from './purchase';

const catalogue = createCatalogue();
const { price = '', seat } = catalogue.pricesOf('pro') ?? {};

describe('a purchase', () => {
  it('has the seats that the plan includes, unless another number is requested', () => {
    expect(purchaseOf(catalogue, { plan: 'pro' }, null)).toEqual({ items: [{ price, quantity: 1 }], seats: 25 });
    expect(purchaseOf(catalogue, { plan: 'pro', seats: 40 }, null)).toEqual({
      items: [
        { price, quantity: 1 },
        { price: seat, quantity: 15 },
      ],
      seats: 40,
    });
  });

  it('keeps the seats that were bought, unless another number is requested', () => {
    expect(purchaseOf(catalogue, { plan: 'pro' }, 40).seats).toBe(40);
    expect(purchaseOf(catalogue, { plan: 'pro', seats: 25 }, 40).seats).toBe(25);
  });

  it('has no number of seats if the plan does not limit seats', () => {
    expect(purchaseOf(catalogue, { plan: 'enterprise' }, 40).seats).toBeNull();
  });

  it.each([{ plan: 'pro', seats: 24 }, { plan: 'enterprise', seats: 100 }, { plan: 'free' }] as const)(
    'cannot be %j',
    (request) => {
      expect(() => purchaseOf(catalogue, request, null)).toThrow(Problem);
    },
  );
});
