import { uuidv7 } from '#platform/ids/uuid';
import { note, notes, useNotesEngine } from '#testing/worlds/notes-engine';
import { resumePartition } from './parking/parking';
import { requestRebuild } from './versions/install';

describe.each(['PostgreSQL', 'in-memory'])('the projection engine over the %s log', (kind) => {
  const world = useNotesEngine(kind);
  const { start, schema, caughtUp, write, rows, rebuilt } = world;

  it('parks the tenant whose event a handler refuses, and no other', async () => {
    const [bad, good, id] = [uuidv7(), uuidv7(), uuidv7()];
    start(notes(schema, () => world.poisonous));
    await caughtUp(
      await write(
        note(bad, uuidv7(), 0, 'NoteWritten', 'before'),
        note(bad, id, 0, 'NoteWritten', 'poison'),
        note(bad, id, 1, 'NoteRewritten', 'after'),
        note(good, uuidv7(), 0, 'NoteWritten', 'fine'),
      ),
    );
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['before']);
    expect((await rows(good)).map(({ text }) => text)).toEqual(['fine']);
    const projection = notes(schema, () => world.poisonous);
    expect(await resumePartition(world.pool, world.log, projection, bad)).toBe('refused');
    world.poisonous = false;
    expect(await resumePartition(world.pool, world.log, projection, bad)).toBe('resumed');
    await caughtUp(await write(note(bad, id, 2, 'NoteRewritten', 'resumed')));
    expect((await rows(bad)).map(({ text }) => text).sort()).toEqual(['before', 'resumed']);
    expect(await resumePartition(world.pool, world.log, projection, bad)).toBe('unknown');
  });

  it('parks the tenant whose rows the database refuses, and writes all rows of the events before', async () => {
    const [bad, good, id] = [uuidv7(), uuidv7(), uuidv7()];
    const position = await write(
      note(bad, id, 0, 'NoteWritten', 'before'),
      note(good, uuidv7(), 0, 'NoteWritten', 'fine'),
      note(bad, id, 1, 'NoteRewritten', 'x'.repeat(2_000)),
      note(bad, id, 2, 'NoteRewritten', 'after'),
      note(bad, uuidv7(), 0, 'NoteWritten', 'y'.repeat(2_000)),
    );
    start(notes(schema, () => world.poisonous));
    await caughtUp(position);
    expect((await rows(good)).map(({ text }) => text)).toEqual(['fine']);
    const { rows: parked } = await world.pool.query('select partition, event_type, error from projecting.parked');
    expect(parked).toEqual([{ partition: bad, event_type: 'NoteRewritten', error: expect.stringContaining('short') }]);
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['before']);
    const projection = notes(schema, () => world.poisonous);
    expect(await resumePartition(world.pool, world.log, projection, bad, { skippedBy: 'an operator' })).toBe('refused');
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['after']);
    expect(await resumePartition(world.pool, world.log, projection, bad, { skippedBy: 'an operator' })).toBe('resumed');
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['after']);
  });

  it('also parks, in a rebuild, the tenant whose rows the database refuses, and no other', async () => {
    const [bad, good, id] = [uuidv7(), uuidv7(), uuidv7()];
    start(notes(schema, () => world.poisonous));
    await caughtUp(
      await write(
        note(bad, id, 0, 'NoteWritten', 'before'),
        note(good, uuidv7(), 0, 'NoteWritten', 'fine'),
        note(bad, id, 1, 'NoteRewritten', 'x'.repeat(2_000)),
        note(bad, uuidv7(), 0, 'NoteWritten', 'after'),
        note(good, uuidv7(), 0, 'NoteWritten', 'fine, too'),
      ),
    );
    const before = [await rows(bad), await rows(good)];
    expect(await rebuilt(await requestRebuild(world.pool as never, 'notes'))).toBe('done');
    expect([await rows(bad), await rows(good)]).toEqual(before);
    const { rows: parked } = await world.pool.query('select partition, event_type, error from projecting.parked');
    expect(parked).toEqual([{ partition: bad, event_type: 'NoteRewritten', error: expect.stringContaining('short') }]);
    const projection = notes(schema, () => world.poisonous);
    expect(await resumePartition(world.pool, world.log, projection, bad, { skippedBy: 'an operator' })).toBe('resumed');
    expect((await rows(bad)).map(({ text }) => text)).toEqual(['before', 'after']);
  });
});
