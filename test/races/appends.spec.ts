import { seeds } from '#testing/seeds';
import { type AppendsWorld, checkConcurrentAppends, openAppends } from './appends';

jest.setTimeout(60_000 + seeds(15) * 3_000);

describe('appends of many callers that are combined in batches, on a real server', () => {
  let world: AppendsWorld;
  beforeAll(async () => {
    world = await openAppends();
  });
  afterAll(() => world.close());

  it('are each answered correctly, and the log contains what the answers report', async () => {
    expect(await checkConcurrentAppends(world, seeds(15))).toBeUndefined();
    expect(world.cuts).toBeGreaterThan(0);
  });
});
