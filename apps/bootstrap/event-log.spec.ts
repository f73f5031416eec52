import { LogDenied, LogUnavailable } from '#event-log/port';
import { silentLogger } from '#platform/logging/logger.port';
import type { Context } from './context';
import { openEventLog, requireEventLog } from './event-log';

const contextWith = (eventstoreUrl: string): Context =>
  ({ settings: { eventstoreUrl }, logger: silentLogger }) as Context;

describe('the event log at EVENTSTORE_URL', () => {
  it('is refused in a sentence where a file of its certificates does not exist', async () => {
    await expect(
      openEventLog(contextWith('esdb://127.0.0.1:1?tls=true&tlsCaFile=/nowhere/ca.crt')),
    ).rejects.toMatchObject({
      name: 'CannotStart',
      message:
        'the file that tlsCAFile names does not exist: /nowhere/ca.crt; correct the path in EVENTSTORE_URL, or put the file there',
    });
  });

  it('is refused in a sentence where the connection string is none', async () => {
    await expect(openEventLog(contextWith('esdb://a:b:c?tls=false'))).rejects.toMatchObject({
      name: 'CannotStart',
      message: expect.stringMatching(/^EVENTSTORE_URL cannot be used: /),
    });
  });
});

describe('whether the event log can be used', () => {
  const away = { ping: async () => Promise.reject(new LogUnavailable('no answer')) };
  const denied = { ping: async () => Promise.reject(new LogDenied('denied')) };

  it('distinguishes a log that is not available from one that denies the user', async () => {
    await expect(requireEventLog(away)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(requireEventLog(denied)).rejects.toMatchObject({
      name: 'NotReady',
      message: expect.stringContaining('refuses this user'),
    });
  });
});
