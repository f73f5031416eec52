import { upcasters } from './upcasters';

describe('an invoice of an earlier release', () => {
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
  ])('in %s was to be paid whole, and %i of it was', (type, amountPaid) => {
    expect(upcasters[type]?.reduce((data, step) => step(data), stored)).toEqual({
      ...stored,
      amountDue: 4_900,
      amountPaid,
    });
  });
});
