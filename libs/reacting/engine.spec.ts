import { type RecordedEvent } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { NAME, NoteEvent, useReactionEngine } from '#testing/worlds/reaction-engine';
import { defineReaction } from './reaction';

describe.each(['PostgreSQL', 'in-memory'])('reactions over the %s log', (kind) => {
  const world = useReactionEngine(kind);
  const { recordingReaction, write, burn, start, until, position, openPool } = world;

  it('answer the events that were appended before they started and those that are appended while they run, in order', async () => {
    const { received, reaction } = recordingReaction();
    await write('one');
    await burn();
    await write('two');
    start(reaction);
    await until(() => received.length === 2);
    const last = await write('three');
    await until(async () => (await position()) >= last);
    expect(received).toEqual(['one', 'two', 'three']);
  });

  it('continue from their checkpoint after a stop', async () => {
    const first = recordingReaction();
    await write('one');
    const engine = start(first.reaction);
    await until(() => first.received.length === 1);
    await engine.stop();
    const second = recordingReaction();
    await write('two');
    start(second.reaction);
    await until(() => second.received.length > 0);
    expect(second.received).toEqual(['two']);
  });

  it('move their checkpoint over events of other types', async () => {
    const { reaction } = recordingReaction();
    start(reaction);
    await burn();
    const head = await world.log.head();
    await until(async () => (await position()) >= head);
  });

  it('are run by one worker at a time, and each event is answered once while no worker dies', async () => {
    const tenantId = uuidv7();
    let atOnce = 0;
    let highest = 0;
    const { received, reaction } = recordingReaction(async () => {
      highest = Math.max(highest, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 1));
      atOnce--;
    });
    for (let i = 0; i < 3; i++) start(reaction);
    const texts = Array.from({ length: 40 }, (_, at) => `${at}`);
    for (const text of texts) await write(text, tenantId);
    await until(() => received.length >= texts.length);
    await world.engines[0]?.stop();
    await world.engines[1]?.stop();
    await write('last', tenantId);
    await until(() => received.includes('last'));
    expect(received).toEqual([...texts, 'last']);
    expect(highest).toBe(1);
  });

  it('are taken over by another worker when one stops responding between its answer and its checkpoint', async () => {
    const failingPool = openPool();
    let finish = (): void => {};
    const unresponsive = recordingReaction(async () => {
      await failingPool.end();
      // Its answer does not end before the other worker has taken over.
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const tenantId = uuidv7();
    start(unresponsive.reaction, { pool: failingPool, leaseMs: 300 });
    await write('one', tenantId);
    await until(() => unresponsive.received.length === 1);
    const successor = recordingReaction();
    start(successor.reaction);
    await write('two', tenantId);
    await until(() => successor.received.length === 2);
    finish();
    expect(successor.received).toEqual(['one', 'two']);
    expect(unresponsive.received).toEqual(['one']);
  });

  it('report their position and lag as metrics', async () => {
    const { reaction } = recordingReaction();
    start(reaction);
    const last = await write('one');
    await until(async () => {
      const metrics = await world.registry.metrics();
      return (
        metrics.includes(`tenantry_reaction_position{reaction="${NAME}"} ${last}`) &&
        metrics.includes(`tenantry_reaction_lag_positions{reaction="${NAME}"} 0`) &&
        metrics.includes(`tenantry_reaction_events_total{reaction="${NAME}"} 1`)
      );
    });
  });

  it('finish the answer in progress when they are stopped', async () => {
    const { received, reaction } = recordingReaction(() => new Promise((resolve) => setTimeout(resolve, 30)));
    const tenantId = uuidv7();
    const engine = start(reaction);
    const first = await write('one', tenantId);
    await write('two', tenantId);
    await until(() => received.length === 1);
    await engine.stop();
    expect(await position()).toBe(first);
    expect(received).toEqual(['one']);
  });
});

it('a reaction answers the types that it names, and no other', () => {
  const { types } = defineReaction<NoteEvent>(NAME, { NoteBurnt: async () => {} });
  expect(types).toEqual(['NoteBurnt']);
});

it('a reaction leaves an event of another type alone', async () => {
  const reaction = defineReaction<NoteEvent>(NAME, { NoteBurnt: () => Promise.reject(new Error('burnt')) });
  const event = { type: 'NoteWritten' } as RecordedEvent;
  await expect(reaction.react(event, new AbortController().signal)).resolves.toBeUndefined();
});
