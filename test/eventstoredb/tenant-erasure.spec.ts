import { randomUUID } from 'node:crypto';
import { anAppend, aStream, upTo } from '#event-log/contract/support';
import { START } from '#event-log/port';
import { IMPATIENT, scripted, until } from './support';

describe('the erasure of a tenant', () => {
  const fixture = scripted(IMPATIENT);

  it('hides the tenant even if it fails half-way, and a repeat completes it', async () => {
    const { log, server, another } = fixture();
    const tenantId = randomUUID();
    const streams = upTo(20).map(() => aStream(tenantId));
    for (const stream of streams) await log.append(anAppend({ stream }));
    const interrupted = log.deleteTenant(tenantId);
    await until(() => server.script.counts.tombstones > 3);
    server.script.notReady = true;
    await expect(interrupted).rejects.toMatchObject({ name: 'LogUnavailable' });
    server.script.notReady = false;
    expect((await another().readAll({ after: START, limit: 100, tenantId })).events).toEqual([]);
    await another().deleteTenant(tenantId);
    for (const stream of streams) expect(await log.readStream(stream)).toEqual([]);
  });

  it('cannot be undone by an append of this or of another process', async () => {
    const { log, another } = fixture();
    const append = anAppend();
    await log.append(append);
    await log.deleteTenant(append.stream.tenantId as string);
    await expect(log.append(anAppend({ stream: append.stream }))).rejects.toMatchObject({ name: 'InvalidAppend' });
    await expect(another().append(anAppend({ stream: append.stream }))).rejects.toMatchObject({
      name: 'InvalidAppend',
    });
    await expect(another().append({ ...append, expected: 'any' })).rejects.toMatchObject({ name: 'InvalidAppend' });
    expect(await log.readStream(append.stream)).toEqual([]);
  });
});
