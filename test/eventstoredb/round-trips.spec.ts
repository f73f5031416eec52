import { randomUUID } from 'node:crypto';
import { anAppend, aStream, facts, versions } from '#event-log/contract/support';
import { streamName } from '#event-log/stream-id';
import { uuidv7 } from '#platform/ids/uuid';
import { scripted } from './support';

describe('the number of round trips of an append is', () => {
  const fixture = scripted();

  const countCalls = async (body: () => Promise<unknown>): Promise<{ appends: number; reads: number }> => {
    const { counts } = fixture().server.script;
    const before = { ...counts };
    await body();
    return { appends: counts.appends - before.appends, reads: counts.reads - before.reads };
  };

  it('one for a new command that starts a stream', async () => {
    const { log } = fixture();
    expect(await countCalls(() => log.append(anAppend()))).toEqual({ appends: 1, reads: 0 });
    expect(await countCalls(() => log.append(anAppend({ expected: 'any' })))).toEqual({ appends: 1, reads: 0 });
  });

  it('one if this process has read the stream (all of it or after a snapshot) or written to it', async () => {
    const { log, another } = fixture();
    const stream = aStream();
    await another().append(anAppend({ stream, events: facts(5) }));
    await log.readStream(stream);
    expect(await countCalls(() => log.append(anAppend({ stream, expected: 5 })))).toEqual({ appends: 1, reads: 0 });
    expect(await countCalls(() => log.append(anAppend({ stream, expected: 6 })))).toEqual({ appends: 1, reads: 0 });
    expect(await countCalls(() => log.append(anAppend({ stream, expected: 'any' })))).toEqual({ appends: 1, reads: 0 });
  });

  it('two for a stream of which this process knows nothing', async () => {
    const { log, another } = fixture();
    const stream = aStream();
    await another().append(anAppend({ stream, events: facts(5) }));
    expect(await countCalls(() => log.append(anAppend({ stream, expected: 5 })))).toEqual({ appends: 1, reads: 1 });
    expect(await countCalls(() => log.append(anAppend({ stream, expected: 6 })))).toEqual({ appends: 1, reads: 0 });
  });

  it('none for a repeat that this process knows', async () => {
    const { log } = fixture();
    const append = anAppend();
    await log.append(append);
    expect(await countCalls(() => log.append({ ...append, expected: 1 }))).toEqual({ appends: 0, reads: 0 });
  });

  it('two for a long unknown stream, because only events that may be newer than the command are read', async () => {
    const { log, another, server } = fixture();
    const stream = aStream();
    const writer = another();
    for (let expected = 0; expected < 2_000; expected += 500)
      await writer.append(anAppend({ stream, expected, events: facts(500) }));
    // An hour ago, by the server's clock.
    for (const stored of server.store.read(streamName(stream)) ?? []) {
      Object.assign(stored, { created: stored.created - 36_000_000_000n });
    }
    expect(await countCalls(() => log.append(anAppend({ stream, expected: 2_000 })))).toEqual({ appends: 1, reads: 1 });
    // For a command of unknown age the whole stream is read, by pages of growing size.
    const { reads } = await countCalls(() =>
      another().append(anAppend({ stream, expected: 2_001, commandId: randomUUID() })),
    );
    expect(reads).toBe(4);
    expect(versions(await log.readStream(stream))).toHaveLength(2_002);
  });
});

describe('a repeat that the server would write again', () => {
  const fixture = scripted();

  it('is recognised after a restart in which the server lost its ids of recent events', async () => {
    const { log, another, server } = fixture();
    const stream = aStream();
    await log.append(anAppend({ stream }));
    for (const commandId of [uuidv7(), randomUUID()]) {
      const append = anAppend({ stream, expected: 'any', events: facts(2), commandId });
      const { version } = await log.append(append);
      server.store.forgetIds();
      expect(await another().append(append)).toMatchObject({ version, repeated: true });
      expect(await log.readStream(stream)).toHaveLength(version);
    }
  });

  it('is reported as a repeat, even by a process that has seen only a later event of the log', async () => {
    const { log, another } = fixture();
    const second = another();
    const append = anAppend();
    const first = await log.append(append);
    await log.append(anAppend());
    await second.head();
    expect(await second.append(append)).toEqual({ ...first, repeated: true });
  });

  it('is recognised by another process, even if it expects the present version of the stream', async () => {
    const { log, another } = fixture();
    const append = anAppend({ events: facts(2) });
    await log.append(append);
    expect(await another().append({ ...append, expected: 2 })).toMatchObject({ version: 2, repeated: true });
    expect(await log.readStream(append.stream)).toHaveLength(2);
  });
});
