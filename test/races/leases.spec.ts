import { writesOfOvertakenCustomer, writesOfOvertakenReaction } from './leases';

jest.setTimeout(120_000);

describe('what a worker writes after another one took its lease over', () => {
  it('is refused where it is of a reaction', async () => {
    expect(await writesOfOvertakenReaction()).toEqual([]);
  });

  it('is refused where it is of a customer of Stripe', async () => {
    expect(await writesOfOvertakenCustomer()).toEqual([]);
  });
});
