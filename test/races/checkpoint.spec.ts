import { seeds } from '#testing/seeds';
import { liveWorkers, stepsOfWorkers } from './checkpoint';
import { type NotesWorld, openNotes } from './notes';

jest.setTimeout(60_000 + seeds(20) * 3_000);

describe('a read model, whatever happens to those who write it', () => {
  let world: NotesWorld;
  beforeAll(async () => {
    world = await openNotes();
  });
  afterAll(() => world.close());

  it('is at every step what the events up to its checkpoint come to, each applied once', async () => {
    expect(await stepsOfWorkers(world, seeds(20))).toBeUndefined();
  });

  it('is so at every moment while workers race, die and lose their answers', async () => {
    expect(await liveWorkers(world, seeds(15))).toBeUndefined();
  });
});
