import { anAppend, aStream, facts, upTo, versions } from '#event-log/contract/support';
import {
  type Append,
  AppendOutcomeUnknown,
  type ExpectedVersion,
  InvalidAppend,
  LogUnavailable,
  WrongExpectedVersion,
} from '#event-log/port';
import { IMPATIENT, scripted, until } from './support';

describe('an append whose answer is lost', () => {
  const given = scripted(IMPATIENT);

  /** An append to a stream of 2 events, for each way to expect its version. */
  const prepared = async (expected: ExpectedVersion): Promise<Append> => {
    const stream = aStream();
    await given().log.append(anAppend({ stream, events: facts(2) }));
    return anAppend({ stream, expected, events: facts(2) });
  };

  const expectStoredOnce = async (append: Append): Promise<void> => {
    expect(versions(await given().log.readStream(append.stream))).toEqual(upTo(4));
    expect(await given().log.append(append)).toMatchObject({ version: 4, repeated: true });
    expect(
      await given()
        .another()
        .append({ ...append, expected: 4 }),
    ).toMatchObject({ version: 4, repeated: true });
    expect(versions(await given().log.readStream(append.stream))).toEqual(upTo(4));
  };

  describe.each([2, 'any'] as const)('where %s is expected', (expected) => {
    it.each([
      ['it is stored and never answered', 'silent'],
      ['it is stored and the connection is cut', 'cut'],
      ['the connection is cut before it is stored', 'cut-before'],
      ['the server times out and has not stored it', 'timeout'],
      ['the server times out and has stored it', 'timeout-stored'],
      ['the server is not ready', 'not-ready'],
      ['it is answered twice', 'twice'],
    ] as const)('is stored once: %s', async (_, fault) => {
      const append = await prepared(expected);
      given().server.script.next(fault);
      expect(await given().log.append(append)).toMatchObject({ version: 4, repeated: false });
      await expectStoredOnce(append);
    });

    it('is of unknown outcome where it is still on its way; a repeat is safe before and after it arrives', async () => {
      const append = await prepared(expected);
      const { log, server } = given();
      server.script.onAppend = () => 'late';
      await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
      server.script.onAppend = undefined;
      expect(await log.append(append)).toMatchObject({ version: 4 });
      server.script.release();
      await expectStoredOnce(append);
    });

    it('leaves the stream to another writer, and the late one is refused', async () => {
      const append = await prepared(expected);
      const { log, server, another } = given();
      let other: Promise<unknown> | undefined;
      server.script.onAppend = () => {
        server.script.onAppend = undefined;
        other = another().append(anAppend({ stream: append.stream, expected: 2 }));
        return 'late';
      };
      await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
      await other;
      const outcome = await log.append(append).catch((error: unknown) => error);
      server.script.release();
      if (expected === 'any') {
        expect(outcome).toMatchObject({ version: 5, repeated: false });
        expect(versions(await log.readStream(append.stream))).toEqual(upTo(5));
      } else {
        expect(outcome).toBeInstanceOf(WrongExpectedVersion);
        expect(versions(await log.readStream(append.stream))).toEqual(upTo(3));
      }
    });
  });

  it('is of unknown outcome where the server freezes with it, and is stored once when it is repeated', async () => {
    const append = await prepared(2);
    const { log, server } = given();
    server.script.freeze();
    await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
    await expect(log.append(append)).rejects.toMatchObject({
      name: expect.stringMatching(/LogUnavailable|AppendOutcomeUnknown/),
    });
    server.script.thaw();
    expect(await log.append(append)).toMatchObject({ version: 4 });
    await expectStoredOnce(append);
  });

  it('is of unknown outcome where the server goes away with it', async () => {
    const append = await prepared(2);
    const { log, server } = given();
    const gone = new Promise<void>((resolve) => {
      server.script.onAppend = () => {
        server.stop().then(resolve);
        return 'silent';
      };
    });
    await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
    await gone;
    server.script.onAppend = undefined;
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    await server.start();
    await expectStoredOnce(append);
  });
});

describe('a server that cannot take appends', () => {
  const given = scripted(IMPATIENT);

  it('frozen before the first call: nothing was written, and it says so in time', async () => {
    const { log, server } = given();
    server.script.freeze();
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    expect(server.script.counts.appends).toBe(0);
    server.script.thaw();
    expect(await log.append(anAppend())).toMatchObject({ version: 1, repeated: false });
  });

  it('down: nothing was written, and the same log continues when it is back', async () => {
    const { log, server } = given();
    await server.stop();
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.readStream(aStream())).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.ping()).rejects.toBeInstanceOf(LogUnavailable);
    await server.start();
    await log.ping();
    expect(await log.append(anAppend())).toMatchObject({ version: 1, repeated: false });
  });

  it('not ready for long: nothing was written', async () => {
    const { log, server } = given();
    await log.ping();
    server.script.notReady = true;
    const append = anAppend();
    await expect(log.append(append)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.readStream(append.stream)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.ping()).rejects.toBeInstanceOf(LogUnavailable);
    server.script.notReady = false;
    expect(await log.append(append)).toMatchObject({ version: 1, repeated: false });
  });

  it('refusing for the size: an invalid append', async () => {
    const { log, server } = given();
    server.script.next('too-large');
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(InvalidAppend);
  });

  it('telling of a version that no reader can see: nothing was written', async () => {
    const { log, server } = given();
    server.script.next('conflict');
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
  });
});

describe('appends in flight', () => {
  const given = scripted({ maxInFlight: 8, maxWaiting: 20 });

  it('are bounded; the others wait, and beyond the queue they are refused at once', async () => {
    const { log, server } = given();
    await log.ping();
    server.script.onAppend = () => 'late';
    const taken = upTo(28).map(() => log.append(anAppend()));
    await until(() => server.script.counts.appends === 8);
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    expect(server.script.counts.appends).toBe(8);
    server.script.onAppend = undefined;
    server.script.release();
    for (const { version } of await Promise.all(taken)) expect(version).toBe(1);
  });

  it('leave the queue when their time is up', async () => {
    const { server, another } = given();
    const log = another({ ...IMPATIENT, maxInFlight: 1, maxWaiting: 5 });
    await log.ping();
    server.script.onAppend = () => 'late';
    const results = await Promise.allSettled(upTo(4).map(() => log.append(anAppend())));
    for (const result of results) {
      expect(result).toMatchObject({ reason: { name: expect.stringMatching(/LogUnavailable|AppendOutcomeUnknown/) } });
    }
    server.script.onAppend = undefined;
    expect(await log.append(anAppend())).toMatchObject({ version: 1 });
  });
});
