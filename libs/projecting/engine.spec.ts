import { uuidv7 } from '#platform/ids/uuid';
import { note, notes, useNotesEngine } from '#testing/worlds/notes-engine';
import { installProjections, requestRebuild } from './versions/install';

describe.each(['PostgreSQL', 'in-memory'])('the projection engine over the %s log', (kind) => {
  const world = useNotesEngine(kind);
  const { write, start, schema, caughtUp, rows, rebuilt, roles, lastRebuild } = world;

  it('folds the events that were appended before it started and those that are appended while it runs', async () => {
    const [tenant, one, two] = [uuidv7(), uuidv7(), uuidv7()];
    await write(note(tenant, one, 0, 'NoteWritten', 'first'), note(tenant, two, 0, 'NoteWritten', 'second'));
    start(notes(schema, () => world.poisonous));
    await caughtUp(await write(note(tenant, one, 1, 'NoteRewritten', 'better'), note(tenant, two, 1, 'NoteBurnt')));
    expect(await rows()).toEqual([{ note_id: one, text: 'better', version: 2 }]);
  });

  it('continues from its checkpoint after a stop', async () => {
    const tenant = uuidv7();
    await start(notes(schema, () => world.poisonous)).stop();
    const position = await write(note(tenant, uuidv7(), 0, 'NoteWritten', 'late'));
    start(notes(schema, () => world.poisonous));
    await caughtUp(position);
    expect(await rows()).toHaveLength(1);
  });

  it('runs in several workers without losing an event or folding one twice', async () => {
    for (let i = 0; i < 3; i++) start(notes(schema, () => world.poisonous));
    const tenant = uuidv7();
    const ids = Array.from({ length: 60 }, () => uuidv7());
    await Promise.all(ids.map((id) => world.log.append(note(tenant, id, 0, 'NoteWritten', 'a'))));
    const results = await Promise.all(ids.map((id) => world.log.append(note(tenant, id, 1, 'NoteRewritten', 'b'))));
    for (const { position } of results) await caughtUp(position);
    expect(await rows()).toEqual(ids.sort().map((note_id) => ({ note_id, text: 'b', version: 2 })));
  });

  it('is rebuilt while it is written, and the result is the same', async () => {
    const tenants = Array.from({ length: 5 }, () => uuidv7());
    start(notes(schema, () => world.poisonous));
    const ids: [string, string][] = [];
    for (let i = 0; i < 300; i++) {
      const pair: [string, string] = [tenants[i % 5] as string, uuidv7()];
      ids.push(pair);
      await world.log.append(note(...pair, 0, 'NoteWritten', `${i}\t\\N\n"quoted"`));
    }
    const writing = (async () => {
      let position = 0n;
      for (const [at, pair] of ids.entries()) {
        position = await write(
          note(...pair, 1, at % 3 === 0 ? 'NoteBurnt' : 'NoteRewritten', at % 3 === 0 ? undefined : `again ${at}`),
        );
      }
      return position;
    })();
    const id = await requestRebuild(world.pool as never, 'notes');
    expect(await rebuilt(id)).toBe('done');
    await caughtUp(await writing);
    const expected = ids.flatMap(([, note_id], at) =>
      at % 3 === 0 ? [] : [{ note_id, text: `again ${at}`, version: 2 }],
    );
    expect(await rows()).toEqual(expected.sort((a, b) => (a.note_id < b.note_id ? -1 : 1)));
    const { rows: policies } = await world.pool.query(
      `select relrowsecurity and relforcerowsecurity as forced from pg_class where oid = 'read_model.notes'::regclass`,
    );
    expect(policies).toEqual([{ forced: true }]);
  });

  it('is rebuilt without a request when the code has another version than the one installed', async () => {
    const tenant = uuidv7();
    const first = start(notes(schema, () => world.poisonous));
    await caughtUp(await write(note(tenant, uuidv7(), 0, 'NoteWritten', 'old')));
    await first.stop();
    const next = notes(schema, () => world.poisonous, 2);
    await installProjections(world.pool, [next], roles);
    start(next);
    const position = await write(note(tenant, uuidv7(), 0, 'NoteWritten', 'new'));
    expect(await rebuilt(await lastRebuild())).toBe('done');
    await caughtUp(position);
    const { rows: checkpoints } = await world.pool.query('select version from projecting.checkpoints');
    expect(checkpoints).toEqual([{ version: 2 }]);
    expect((await rows()).map(({ text }) => text)).toEqual(['old', 'new']);
  });
});
