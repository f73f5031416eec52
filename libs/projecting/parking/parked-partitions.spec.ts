import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { newer, useParkedNotes } from '#testing/worlds/parked-notes';
import { resumePartition } from './parking';

describe('a parked partition', () => {
  const world = useParkedNotes();
  const { start, write, folded, textsOf, parked, until, rebuilt, notes } = world;

  it('waits at an event of a newer release, and continues by itself when a worker of that release runs', async () => {
    const [one, other] = [uuidv7(), uuidv7()];
    const old = start();
    await write(one, { text: 'before' });
    await write(one, { text: 'of a newer release' }, newer);
    await write(one, { text: 'after' });
    await folded(await write(other, { text: 'fine' }));
    expect(await textsOf(other)).toEqual(['fine']);
    expect(await textsOf(one)).toEqual(['before']);
    expect(await parked()).toEqual([
      {
        ...{ partition: one, kind: 'newer-release', event_type: 'NoteWritten', schema_version: 2 },
        error: 'event NoteWritten is stored in schema version 2, this release knows 1 at most',
      },
    ]);
    await old.stop();
    start(newer);
    await until(async () => ((await parked()).length === 0 ? true : undefined));
    expect(await textsOf(one)).toEqual(['before', 'of a newer release', 'after']);
  });

  it('also waits at an event of a newer release in a rebuild, which continues with all other partitions', async () => {
    const [one, other] = [uuidv7(), uuidv7()];
    await write(one, { text: 'of a newer release' }, newer);
    const position = await write(other, { text: 'fine' });
    start();
    await folded(position);
    await rebuilt();
    expect(await textsOf(other)).toEqual(['fine']);
    expect(await parked()).toMatchObject([{ partition: one, kind: 'newer-release' }]);
  });

  it.each<[string, string]>([
    ['that cannot be converted to text', '{"toString":0}'],
    ['that is nested 5,000 levels deep', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['that would be two values in an array literal', '"X,Y"'],
    ['that would be two rows for COPY', JSON.stringify('a\n01900000-0000-7000-8000-000000000001\t1\t\\N\tinjected')],
  ])('has a value %s, and no other partition is affected, neither live nor in a rebuild', async (_, reader) => {
    const [one, other] = [uuidv7(), uuidv7()];
    // Bypasses the checks of the log: another program or an older release may have written such an event.
    const position = await write(one, { text: 'bad', reader: 'to be replaced' });
    const stored = world.store.events[0] as { json: string };
    const copy = { ...stored, json: `{"text":"bad","reader":${reader}}` };
    world.store.events[0] = copy as (typeof world.store.events)[number];
    const last = await write(other, { text: 'fine', reader: other });
    start();
    await folded(last);
    for (const again of [async () => {}, rebuilt]) {
      await again();
      const { rows } = await world.pool.query('select tenant_id, reader, text from read_model.notes');
      expect(rows).toEqual([{ tenant_id: other, reader: other, text: 'fine' }]);
      expect(await parked()).toMatchObject([{ partition: one, kind: 'refused' }]);
    }
    expect(position).toBeLessThan(last);
  });

  it('is parked at the earlier event if the database and the handler each refuse an event of one batch', async () => {
    const [one, other] = [uuidv7(), uuidv7()];
    await write(one, { text: 'before' });
    await write(one, { text: 'x'.repeat(200) });
    await write(one, { text: 'poison' });
    const last = await write(other, { text: 'fine' });
    start();
    await folded(last);
    expect(await textsOf(other)).toEqual(['fine']);
    expect(await textsOf(one)).toEqual(['before']);
    expect(await parked()).toMatchObject([{ partition: one, error: expect.stringContaining('short') }]);
  });

  it('leaves an event that an operator has skipped out of every rebuild, but not the later events', async () => {
    const tenant = uuidv7();
    for (const text of ['before', 'poison', 'after']) await write(tenant, { text });
    start();
    await folded(await write(uuidv7(), { text: 'fine' }));
    const log = new InMemoryEventLog(world.store);
    expect(await resumePartition(world.pool, log, notes(), tenant, { skippedBy: 'olga' })).toBe('resumed');
    expect(await textsOf(tenant)).toEqual(['before', 'after']);
    await rebuilt();
    expect(await textsOf(tenant)).toEqual(['before', 'after']);
    expect(await parked()).toEqual([]);
    const { rows } = await world.pool.query('select partition, event_type, skipped_by, error from projecting.skipped');
    const error = 'will not fold poison';
    expect(rows).toEqual([{ partition: tenant, event_type: 'NoteWritten', skipped_by: 'olga', error }]);
  });

  it('is resumed in parts, with each event once, while all other partitions continue', async () => {
    const tenant = uuidv7();
    await write(tenant, { text: 'poison' });
    for (let at = 0; at < 2_300; at++) await write(tenant, { text: `${at}` });
    start();
    await folded(await write(uuidv7(), { text: 'fine' }));
    const log = new InMemoryEventLog(world.store);
    expect(await resumePartition(world.pool, log, notes(), tenant)).toBe('refused');
    expect(await resumePartition(world.pool, log, notes(), tenant, { skippedBy: 'olga' })).toBe('resumed');
    expect(await textsOf(tenant)).toEqual(Array.from({ length: 2_300 }, (_, at) => `${at}`));
    await folded(await write(tenant, { text: 'last' }));
    expect((await textsOf(tenant)).at(-1)).toBe('last');
  });

  it('is not changed by a release whose read model has another version', async () => {
    const tenant = uuidv7();
    await write(tenant, { text: 'poison' });
    start();
    await folded(await write(uuidv7(), { text: 'fine' }));
    const log = new InMemoryEventLog(world.store);
    expect(await resumePartition(world.pool, log, notes(2), tenant, { skippedBy: 'olga' })).toBe('other-version');
    expect(await parked()).toHaveLength(1);
    expect((await world.pool.query('select from projecting.skipped')).rowCount).toBe(0);
  });
});
