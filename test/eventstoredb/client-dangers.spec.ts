import { anAppend, aStream, facts, settle, upTo } from '#event-log/contract/support';
import { EventStoreDbEventLog } from '#event-log/eventstoredb/index';
import type { Append } from '#event-log/port';
import { startScriptedEventStore } from '../support/scripted-eventstore';
import { IMPATIENT, scripted, until, withoutStrayErrors } from './support';

// The server runs in this process and receives megabytes, which takes a long time on a busy machine.
jest.setTimeout(600_000);

describe('conditions that the client of EventStoreDB alone would not survive:', () => {
  const fixture = scripted(IMPATIENT);

  it('an append that the client cannot serialise is refused before it reaches the client', async () => {
    const { log, server } = fixture();
    await log.append(anAppend());
    const invalid: Partial<Append>[] = [
      { commandId: 'no uuid' },
      { events: facts(1, '') },
      { events: [{ type: 'A', data: { n: 1n as unknown as number } }] },
      { events: [] },
    ];
    await withoutStrayErrors(async () => {
      const { lost } = await settle(invalid.map((fields) => log.append(anAppend(fields))));
      expect(lost).toMatchObject(invalid.map(() => ({ name: 'InvalidAppend' })));
      expect(await log.append(anAppend())).toMatchObject({ version: 1 });
    });
    expect(server.script.counts.appends).toBe(2);
  });

  it('a connection that is cut during many appends ends neither the process nor the log', async () => {
    const { log, server } = fixture();
    const data = { text: 'x'.repeat(20_000) };
    await withoutStrayErrors(async () => {
      for (let round = 0; round < 10; round++) {
        const calls = upTo(200).map(() => log.append(anAppend({ events: [{ type: 'Large', data }] })));
        setTimeout(() => server.cut(), round % 8);
        const { won, lost } = await settle(calls);
        for (const result of won) expect(result).toMatchObject({ version: 1, repeated: false });
        for (const error of lost) {
          expect(error).toMatchObject({ name: expect.stringMatching(/LogUnavailable|AppendOutcomeUnknown/) });
        }
      }
    });
    expect(await log.append(anAppend())).toMatchObject({ version: 1 });
  });

  it('a second reply to an append is ignored', async () => {
    const { log, server } = fixture();
    server.script.onAppend = () => 'twice';
    await withoutStrayErrors(async () => {
      const { won } = await settle(upTo(20).map(() => log.append(anAppend())));
      expect(won).toHaveLength(20);
    });
  });

  it('a broken connection to one server disturbs no append to another', async () => {
    const { log, server } = fixture();
    const second = await startScriptedEventStore();
    const other = new EventStoreDbEventLog({ connectionString: second.connectionString });
    try {
      await Promise.all([log.ping(), other.ping()]);
      second.script.onAppend = () => 'late';
      const waiting = upTo(10).map(() => other.append(anAppend()));
      await until(() => second.script.counts.appends === 10);
      await withoutStrayErrors(async () => {
        server.script.next('cut');
        await log.append(anAppend());
        await log.close();
        second.script.onAppend = undefined;
        second.script.release();
        for (const result of await Promise.all(waiting)) expect(result).toMatchObject({ version: 1, repeated: false });
      });
      // No append was sent twice.
      expect(second.script.counts.appends).toBe(10);
    } finally {
      await other.close();
      await second.close();
    }
  });

  it('reads and pings fail in time if the server is frozen', async () => {
    const { log, server } = fixture();
    await log.append(anAppend());
    server.script.freeze();
    const calls = [
      log.readStream(aStream()),
      log.readAll({ after: 0n, limit: 10 }),
      log.readAll({ after: 0n, limit: 10, types: ['A'] }),
      log.head(),
      log.ping(),
      log.deleteTenant(aStream().id),
    ];
    const { lost } = await settle<unknown>(calls);
    expect(lost).toHaveLength(6);
    for (const error of lost) expect(error).toMatchObject({ name: 'LogUnavailable' });
    server.script.thaw();
    await log.ping();
  });

  it('the error of a conflict names the version of the stream', async () => {
    const { log } = fixture();
    const stream = aStream();
    await log.append(anAppend({ stream, events: facts(3) }));
    await expect(log.append(anAppend({ stream, expected: 1 }))).rejects.toMatchObject({ expected: 1, actual: 3 });
    await expect(log.append(anAppend({ stream, expected: 9 }))).rejects.toMatchObject({ expected: 9, actual: 3 });
    await expect(log.append(anAppend({ expected: 4 }))).rejects.toMatchObject({ expected: 4, actual: 0 });
  });
});
