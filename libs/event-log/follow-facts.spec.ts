import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { followFacts } from './follow-facts';

describe('who follows facts', () => {
  it('receives each later event of its types, and nothing else', async () => {
    const log = new InMemoryEventLog();
    const happen = (type: string, tenantId: string) =>
      log.append({
        ...{ stream: { tenantId: null, aggregate: 'operators', id: tenantId }, expected: 'any' },
        ...{ events: [{ type, data: { tenantId } }], commandId: uuidv7() },
        ...{ actor: { kind: 'system' }, correlationId: 'test' },
      });
    const [before, other, gone] = [uuidv7(), uuidv7(), uuidv7()];
    await happen('TenantErased', before);
    const told: string[] = [];
    const all = new Promise<void>((resolve) => {
      const { stop } = followFacts(log, ['TenantErased'], ({ data }) => {
        told.push(String(data['tenantId']));
        void stop().then(resolve);
      });
    });
    await new Promise(setImmediate);
    await happen('SomethingElse', other);
    await happen('TenantErased', gone);
    await all;
    expect(told).toEqual([gone]);
    await log.close();
  });
});
