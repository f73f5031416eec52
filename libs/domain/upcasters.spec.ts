import { upcasters } from './upcasters';

describe('the upcaster of an invoice event', () => {
  const stored: Parameters<(typeof upcasters)[string][number]>[0] = {
    invoiceId: 'in_1',
    number: 'A-1',
    amount: 4_900,
    currency: 'EUR',
    url: null,
  };

  it.each([
    ['PaymentSucceeded', 4_900],
    ['PaymentFailed', 0],
    ['PaymentForgiven', 0],
  ])('adds the whole amount as due to %s, and %i as paid', (type, amountPaid) => {
    expect(upcasters[type]?.reduce((data, step) => step(data), stored)).toEqual({
      ...stored,
      amountDue: 4_900,
      amountPaid,
    });
  });
});
