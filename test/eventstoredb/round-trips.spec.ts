import { randomUUID } from 'node:crypto';
import { anAppend, aStream, facts, versions } from '#event-log/contract/support';
import { streamName } from '#event-log/stream-id';
import { uuidv7 } from '#platform/ids/uuid';
import { scripted } from './support';

describe('the round trips of an append', () => {
  const given = scripted();

  const counted = async (body: () => Promise<unknown>): Promise<{ appends: number; reads: number }> => {
    const { counts } = given().server.script;
    const before = { ...counts };
    await body();
    return { appends: counts.appends - before.appends, reads: counts.reads - before.reads };
  };

  it('one for a new command that starts a stream', async () => {
    const { log } = given();
    expect(await counted(() => log.append(anAppend()))).toEqual({ appends: 1, reads: 0 });
    expect(await counted(() => log.append(anAppend({ expected: 'any' })))).toEqual({ appends: 1, reads: 0 });
  });

  it('one where the stream was read before, whole or from a snapshot, or written here', async () => {
    const { log, another } = given();
    const stream = aStream();
    await another().append(anAppend({ stream, events: facts(5) }));
    await log.readStream(stream);
    expect(await counted(() => log.append(anAppend({ stream, expected: 5 })))).toEqual({ appends: 1, reads: 0 });
    expect(await counted(() => log.append(anAppend({ stream, expected: 6 })))).toEqual({ appends: 1, reads: 0 });
    expect(await counted(() => log.append(anAppend({ stream, expected: 'any' })))).toEqual({ appends: 1, reads: 0 });
  });

  it('one more for a stream of which this process knows nothing', async () => {
    const { log, another } = given();
    const stream = aStream();
    await another().append(anAppend({ stream, events: facts(5) }));
    expect(await counted(() => log.append(anAppend({ stream, expected: 5 })))).toEqual({ appends: 1, reads: 1 });
    expect(await counted(() => log.append(anAppend({ stream, expected: 6 })))).toEqual({ appends: 1, reads: 0 });
  });

  it('none for a repeat that this process knows', async () => {
    const { log } = given();
    const append = anAppend();
    await log.append(append);
    expect(await counted(() => log.append({ ...append, expected: 1 }))).toEqual({ appends: 0, reads: 0 });
  });

  it('the check of a repeat by another process goes no further back than the command is old', async () => {
    const { log, another, server } = given();
    const stream = aStream();
    const long = another();
    for (let expected = 0; expected < 2_000; expected += 500)
      await long.append(anAppend({ stream, expected, events: facts(500) }));
    // An hour ago, by the server's clock.
    for (const stored of server.store.read(streamName(stream)) ?? []) {
      Object.assign(stored, { created: stored.created - 36_000_000_000n });
    }
    expect(await counted(() => log.append(anAppend({ stream, expected: 2_000 })))).toEqual({ appends: 1, reads: 1 });
    // Of a command whose age is not known all is read, by growing pages.
    const { reads } = await counted(() =>
      another().append(anAppend({ stream, expected: 2_001, commandId: randomUUID() })),
    );
    expect(reads).toBe(4);
    expect(versions(await log.readStream(stream))).toHaveLength(2_002);
  });
});

describe('a repeat that the server would write again', () => {
  const given = scripted();

  it('is recognised after a restart in which the server forgot the ids of events', async () => {
    const { log, another, server } = given();
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

  it('and knows itself, is distinguished from a first attempt if a later event was seen here', async () => {
    const { log, another } = given();
    const second = another();
    const append = anAppend();
    const first = await log.append(append);
    await log.append(anAppend());
    await second.head();
    expect(await second.append(append)).toEqual({ ...first, repeated: true });
  });

  it('is recognised by another process that was told the present version from elsewhere', async () => {
    const { log, another } = given();
    const append = anAppend({ events: facts(2) });
    await log.append(append);
    expect(await another().append({ ...append, expected: 2 })).toMatchObject({ version: 2, repeated: true });
    expect(await log.readStream(append.stream)).toHaveLength(2);
  });
});
