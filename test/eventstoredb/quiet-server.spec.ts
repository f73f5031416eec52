import { randomUUID } from 'node:crypto';
import { anAppend, aStream } from '#event-log/contract/support';
import { scripted } from './support';

describe('the head of a server on which nothing happens', () => {
  const given = scripted();

  it("is the last record that subscriptions show, although the server's own records lie behind it", async () => {
    const { log, server } = given();
    const closed = aStream(randomUUID());
    await log.append(anAppend({ stream: closed }));
    const { position } = await log.append(anAppend());
    // An erasure ends with tombstones, and the projection of categories adds a link for each event.
    server.store.tombstone(`${closed.tenantId?.replaceAll('-', '')}-${closed.aggregate}.${closed.id}`);
    server.store.categorise();
    expect(server.store.log.at(-1)?.type).toMatch(/^\$/);
    expect(await log.head()).toBe(position);
  });
});
