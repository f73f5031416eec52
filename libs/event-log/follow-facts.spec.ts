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
});
