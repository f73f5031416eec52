import { seeds } from '#testing/seeds';
import { checkLiveWorkers, checkWorkerSteps } from './checkpoint';
import { type NotesWorld, openNotes } from './notes';

jest.setTimeout(60_000 + seeds(20) * 3_000);

describe('a read model that several workers write', () => {
  let world: NotesWorld;
  beforeAll(async () => {
    world = await openNotes();
  });
  afterAll(() => world.close());

  it('equals the fold of the events up to its checkpoint after every step, each applied once', async () => {
    expect(await checkWorkerSteps(world, seeds(20))).toBeUndefined();
  });

  it('equals that fold at every moment while workers race, die and lose answers of the database', async () => {
    expect(await checkLiveWorkers(world, seeds(15))).toBeUndefined();
  });
});
