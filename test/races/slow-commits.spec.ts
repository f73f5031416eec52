import { seeds } from '#testing/seeds';
import { readWhileOthersDawdle } from './slow-commits';

jest.setTimeout(60_000 + seeds(25) * 200);

it('a reader sees every committed event once and in order, while writers commit late, early and not at all', async () => {
  const rounds = seeds(25);
  const { committed, followed, asked } = await readWhileOthersDawdle(rounds);
  expect(committed.length).toBe(rounds * 16 + 2 * Math.floor((rounds * 2) / 3));
  expect(followed).toEqual(committed);
  expect(asked).toEqual(committed);
});
