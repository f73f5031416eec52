import { LogUnavailable } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { NAME, useReactionEngine } from '#testing/worlds/reaction-engine';
import { forgetParked, retryParked } from './parking';
import { DependencyNotReady } from './reaction';

describe.each(['PostgreSQL', 'in-memory'])('reactions over the %s log', (kind) => {
  const world = useReactionEngine(kind);
  const { recordingReaction, start, write, until, parked, position } = world;

  it('try an event again until it is answered, before later events of its tenant', async () => {
    const tenantId = uuidv7();
    let failures = 2;
    const { received, reaction } = recordingReaction(() => {
      if (failures-- > 0) throw new Error('a temporary failure');
    });
    start(reaction);
    await write('one', tenantId);
    await write('two', tenantId);
    await until(() => received.includes('two'));
    expect(received).toEqual(['one', 'one', 'one', 'two']);
    expect(await parked()).toEqual([]);
  });

  it('park an event that fails too often, with its reason, and continue with the others', async () => {
    const tenantId = uuidv7();
    const { received, reaction } = recordingReaction((text) => {
      if (text === 'poison') throw new Error('poison cannot be answered');
    });
    start(reaction);
    await write('poison', tenantId);
    const last = await write('fine', tenantId);
    await until(async () => (await position()) >= last);
    expect(received).toEqual(['poison', 'poison', 'poison', 'fine']);
    expect(await parked()).toEqual([
      {
        event_id: expect.any(String),
        event_type: 'NoteWritten',
        partition: tenantId,
        error: 'poison cannot be answered',
        attempts: 3,
      },
    ]);
    await until(async () => (await world.registry.metrics()).includes(`parked_events{reaction="${NAME}"} 1`));
  });

  it('park an event whose answer never ends', async () => {
    const { reaction } = recordingReaction((text) => (text === 'endless' ? new Promise<void>(() => {}) : undefined));
    start(reaction, { attemptMs: 10 });
    await write('endless');
    const last = await write('fine');
    await until(async () => (await position()) >= last);
    expect(await parked()).toMatchObject([{ error: 'not done after 0.01 s' }]);
  });

  it.each([
    ['the log', () => new LogUnavailable('unavailable')],
    ['the database', () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
    ['a read model', () => new DependencyNotReady('behind')],
  ])('wait for %s without a limit, and park nothing', async (_, outage) => {
    let failures = 10;
    const { received, reaction } = recordingReaction(() => {
      if (failures-- > 0) throw outage();
    });
    start(reaction);
    const last = await write('one');
    await until(async () => (await position()) >= last);
    expect(received).toHaveLength(11);
    expect(await parked()).toEqual([]);
  });

  it('try a parked event again when an operator requests it, and delete it once it is answered', async () => {
    let poisonous = true;
    const { received, reaction } = recordingReaction(() => {
      if (poisonous) throw new Error('poison cannot be answered');
    });
    start(reaction);
    await write('poison');
    await until(async () => (await parked()).length === 1);
    const eventId = String((await parked())[0]?.['event_id']);
    expect(await retryParked(world.pool, NAME, eventId)).toBe(true);
    await until(async () => (await parked())[0]?.['attempts'] === 4);
    poisonous = false;
    await retryParked(world.pool, NAME, eventId);
    await until(async () => (await parked()).length === 0);
    expect(received).toHaveLength(5);
    expect(await retryParked(world.pool, NAME, eventId)).toBe(false);
  });

  it('delete a parked event that an operator skips, or whose tenant was deleted', async () => {
    const { reaction } = recordingReaction(() => {
      throw new Error('poison cannot be answered');
    });
    start(reaction);
    const tenantId = uuidv7();
    await write('poison', tenantId);
    await until(async () => (await parked()).length === 1);
    const eventId = String((await parked())[0]?.['event_id']);
    await world.log.deleteTenant(tenantId);
    await retryParked(world.pool, NAME, eventId);
    await until(async () => (await parked()).length === 0);
    expect(await forgetParked(world.pool, NAME, eventId)).toBe(false);
    await write('poison');
    await until(async () => (await parked()).length === 1);
    expect(await forgetParked(world.pool, NAME, String((await parked())[0]?.['event_id']))).toBe(true);
  });
});
