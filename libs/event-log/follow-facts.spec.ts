import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { followFacts } from './follow-facts';

describe('followFacts', () => {
  it('reports each later event of the requested types, and no other event', async () => {
    const log = new InMemoryEventLog();
    const append = (type: string, tenantId: string) =>
      log.append({
        ...{ stream: { tenantId: null, aggregate: 'operators', id: tenantId }, expected: 'any' },
        ...{ events: [{ type, data: { tenantId } }], commandId: uuidv7() },
        ...{ actor: { kind: 'system' }, correlationId: 'test' },
      });
    const [erasedBefore, other, erased] = [uuidv7(), uuidv7(), uuidv7()];
    await append('TenantErased', erasedBefore);
    const reported: string[] = [];
    const all = new Promise<void>((resolve) => {
      const { stop } = followFacts(log, ['TenantErased'], ({ data }) => {
        reported.push(String(data['tenantId']));
        void stop().then(resolve);
      });
    });
    await new Promise(setImmediate);
    await append('SomethingElse', other);
    await append('TenantErased', erased);
    await all;
    expect(reported).toEqual([erased]);
    await log.close();
  });

  it('reports that the log went back to an older copy, because events after that copy may be missed', async () => {
    const log = new InMemoryEventLog();
    const following = { stop: async (): Promise<void> => undefined };
    await new Promise<void>((resolve) => {
      const subscribe = log.subscribe.bind(log);
      jest.spyOn(log, 'subscribe').mockImplementation((options) => {
        // The first subscription has begun: from now on it can notice the change.
        setImmediate(() => log.store.goBackTo(0n));
        return subscribe(options);
      });
      Object.assign(
        following,
        followFacts(log, ['TenantErased'], () => undefined, resolve),
      );
    });
    await following.stop();
    await log.close();
  });
});
