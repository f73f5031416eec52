import { LogDenied, LogUnavailable } from '#event-log/port';
import { silentLogger } from '#platform/logging/logger.port';
import type { Context } from './context';
import { openEventLog, requireEventLog } from './event-log';

const contextWith = (eventstoreUrl: string): Context =>
  ({ settings: { eventstoreUrl }, logger: silentLogger }) as Context;

describe('the event log at EVENTSTORE_URL', () => {
  it('is refused with a sentence where a certificate file does not exist', async () => {
    await expect(
      openEventLog(contextWith('esdb://127.0.0.1:1?tls=true&tlsCaFile=/nowhere/ca.crt')),
    ).rejects.toMatchObject({
      name: 'CannotStart',
      message:
        'the file that tlsCAFile names does not exist: /nowhere/ca.crt; correct the path in EVENTSTORE_URL, or put the file there',
    });
  });

  it('is refused with a sentence where it is not a connection string', async () => {
    await expect(openEventLog(contextWith('esdb://a:b:c?tls=false'))).rejects.toMatchObject({
      name: 'CannotStart',
      message: expect.stringMatching(/^EVENTSTORE_URL cannot be used: /),
    });
  });
});

describe('the check that the event log can be used', () => {
  const unavailable = { ping: async () => Promise.reject(new LogUnavailable('no answer')) };
  const denied = { ping: async () => Promise.reject(new LogDenied('denied')) };

  it('distinguishes a log that is not available from one that denies the user', async () => {
    await expect(requireEventLog(unavailable)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(requireEventLog(denied)).rejects.toMatchObject({
      name: 'NotReady',
      message: expect.stringContaining('refuses this user'),
    });
  });
});
