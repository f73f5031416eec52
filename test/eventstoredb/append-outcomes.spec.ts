import { anAppend, aStream, facts, upTo, versions } from '#event-log/contract/support';
import {
  type Append,
  AppendOutcomeUnknown,
  type ExpectedVersion,
  InvalidAppend,
  LogDenied,
  LogUnavailable,
  WrongExpectedVersion,
} from '#event-log/port';
import { IMPATIENT, scripted, until } from './support';

describe('an append whose reply is lost', () => {
  const fixture = scripted(IMPATIENT);

  /** An append of 2 events to a stream that holds 2 events. */
  const prepareAppend = async (expected: ExpectedVersion): Promise<Append> => {
    const stream = aStream();
    await fixture().log.append(anAppend({ stream, events: facts(2) }));
    return anAppend({ stream, expected, events: facts(2) });
  };

  const expectStoredOnce = async (append: Append): Promise<void> => {
    expect(versions(await fixture().log.readStream(append.stream))).toEqual(upTo(4));
    expect(await fixture().log.append(append)).toMatchObject({ version: 4, repeated: true });
    expect(
      await fixture()
        .another()
        .append({ ...append, expected: 4 }),
    ).toMatchObject({ version: 4, repeated: true });
    expect(versions(await fixture().log.readStream(append.stream))).toEqual(upTo(4));
  };

  describe.each([2, 'any'] as const)('with the expected version %s', (expected) => {
    it.each([
      ['the server stores it and does not reply', 'silent'],
      ['the server stores it and the connection is cut', 'cut'],
      ['the connection is cut before the server stores it', 'cut-before'],
      ['the server times out and has not stored it', 'timeout'],
      ['the server times out and has stored it', 'timeout-stored'],
      ['the server is not ready', 'not-ready'],
      ['the server replies twice', 'twice'],
    ] as const)('is stored once if %s', async (_, fault) => {
      const append = await prepareAppend(expected);
      fixture().server.script.next(fault);
      expect(await fixture().log.append(append)).toMatchObject({ version: 4, repeated: false });
      await expectStoredOnce(append);
    });

    it('has an unknown outcome if it arrives late; a repeat is safe before and after it arrives', async () => {
      const append = await prepareAppend(expected);
      const { log, server } = fixture();
      server.script.onAppend = () => 'late';
      await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
      server.script.onAppend = undefined;
      expect(await log.append(append)).toMatchObject({ version: 4 });
      server.script.release();
      await expectStoredOnce(append);
    });

    it('is refused if it arrives after the append of another writer', async () => {
      const append = await prepareAppend(expected);
      const { log, server, another } = fixture();
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

  it('has an unknown outcome if the server freezes, and is stored once when it is repeated', async () => {
    const append = await prepareAppend(2);
    const { log, server } = fixture();
    server.script.freeze();
    await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
    await expect(log.append(append)).rejects.toMatchObject({
      name: expect.stringMatching(/LogUnavailable|AppendOutcomeUnknown/),
    });
    server.script.thaw();
    expect(await log.append(append)).toMatchObject({ version: 4 });
    await expectStoredOnce(append);
  });

  it('has an unknown outcome if the server stops', async () => {
    const append = await prepareAppend(2);
    const { log, server } = fixture();
    const stopped = new Promise<void>((resolve) => {
      server.script.onAppend = () => {
        server.stop().then(resolve);
        return 'silent';
      };
    });
    await expect(log.append(append)).rejects.toBeInstanceOf(AppendOutcomeUnknown);
    await stopped;
    server.script.onAppend = undefined;
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    await server.start();
    await expectStoredOnce(append);
  });
});

describe('a server that cannot accept appends', () => {
  const fixture = scripted(IMPATIENT);

  it('because it is frozen: an append fails in time, and nothing is written', async () => {
    const { log, server } = fixture();
    server.script.freeze();
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    expect(server.script.counts.appends).toBe(0);
    server.script.thaw();
    expect(await log.append(anAppend())).toMatchObject({ version: 1, repeated: false });
  });

  it('because it is stopped: nothing is written, and the same log continues after a restart', async () => {
    const { log, server } = fixture();
    await server.stop();
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.readStream(aStream())).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.ping()).rejects.toBeInstanceOf(LogUnavailable);
    await server.start();
    await log.ping();
    expect(await log.append(anAppend())).toMatchObject({ version: 1, repeated: false });
  });

  it('because it is not ready for a long time: nothing is written', async () => {
    const { log, server } = fixture();
    await log.ping();
    server.script.notReady = true;
    const append = anAppend();
    await expect(log.append(append)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.readStream(append.stream)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.ping()).rejects.toBeInstanceOf(LogUnavailable);
    server.script.notReady = false;
    expect(await log.append(append)).toMatchObject({ version: 1, repeated: false });
  });

  it('because the server denies the append to this user, which is not the same as a server that does not answer', async () => {
    const { log, server } = fixture();
    server.script.next('denied');
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogDenied);
  });

  it('because of its size: the append is invalid', async () => {
    const { log, server } = fixture();
    server.script.next('too-large');
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(InvalidAppend);
  });

  it('because of a version that no read returns: the log counts as unavailable', async () => {
    const { log, server } = fixture();
    server.script.next('conflict');
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
  });
});

describe('appends in flight', () => {
  const fixture = scripted({ maxInFlight: 8, maxWaiting: 20 });

  it('are limited in number: further ones wait, and are refused at once when the queue is full', async () => {
    const { log, server } = fixture();
    await log.ping();
    server.script.onAppend = () => 'late';
    const accepted = upTo(28).map(() => log.append(anAppend()));
    await until(() => server.script.counts.appends === 8);
    await expect(log.append(anAppend())).rejects.toBeInstanceOf(LogUnavailable);
    expect(server.script.counts.appends).toBe(8);
    server.script.onAppend = undefined;
    server.script.release();
    for (const { version } of await Promise.all(accepted)) expect(version).toBe(1);
  });

  it('leave the queue at their deadline', async () => {
    const { server, another } = fixture();
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
