import { writesOfOvertakenCustomer, writesOfOvertakenReaction } from './leases';

jest.setTimeout(600_000);

describe('a write of a worker whose lease another worker has taken over', () => {
  it('is refused if it is for a reaction', async () => {
    expect(await writesOfOvertakenReaction()).toEqual([]);
  });

  it('is refused if it is for a customer of Stripe', async () => {
    expect(await writesOfOvertakenCustomer()).toEqual([]);
  });
});
