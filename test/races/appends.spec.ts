import { seeds } from '#testing/seeds';
import { type AppendsWorld, appendsOfMany, openAppends } from './appends';

jest.setTimeout(60_000 + seeds(15) * 3_000);

describe('appends of many callers, combined, on a real server', () => {
  let world: AppendsWorld;
  beforeAll(async () => {
    world = await openAppends();
  });
  afterAll(() => world.close());

  it('give each caller its own right answer, and the log is what they say', async () => {
    expect(await appendsOfMany(world, seeds(15))).toBeUndefined();
    expect(world.cuts).toBeGreaterThan(0);
  });
});
