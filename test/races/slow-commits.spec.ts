import { seeds } from '#testing/seeds';
import { readDuringSlowCommits } from './slow-commits';

jest.setTimeout(60_000 + seeds(25) * 200);

it('a reader receives every committed event once and in order, while writers commit early, late or not at all', async () => {
  const rounds = seeds(25);
  const { committed, subscribed, paged } = await readDuringSlowCommits(rounds);
  expect(committed.length).toBe(rounds * 16 + 2 * Math.floor((rounds * 2) / 3));
  expect(subscribed).toEqual(committed);
  expect(paged).toEqual(committed);
});
