import { seeds } from '#testing/seeds';
import { type NotesWorld, openNotes } from './notes';
import { missedOwnWrites } from './read-your-writes';

jest.setTimeout(60_000 + seeds(50) * 200);

describe('a reader who has waited for the position of a write', () => {
  let world: NotesWorld;
  beforeAll(async () => {
    world = await openNotes();
  });
  afterAll(() => world.close());

  it.each(['here', 'elsewhere'] as const)('finds it in a read model that is written %s', async (where) => {
    expect(await missedOwnWrites(world, seeds(50), where)).toBe(0);
  });
});
