import { seeds } from '#testing/seeds';
import { type NotesWorld, openNotes } from './notes';
import { countMissedWrites } from './read-your-writes';

jest.setTimeout(60_000 + seeds(50) * 200);

describe('a reader that has waited for the position of a write', () => {
  let world: NotesWorld;
  beforeAll(async () => {
    world = await openNotes();
  });
  afterAll(() => world.close());

  it.each(['this process', 'another process'] as const)('finds it in a read model that %s writes', async (writer) => {
    expect(await countMissedWrites(world, seeds(50), writer)).toBe(0);
  });
});
