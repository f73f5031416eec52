import { uuidv7 } from '../platform/ids/uuid';
import { InMemoryEventLog } from '../testing/in-memory-event-log';
import { followErasures } from './follow-erasures';

describe('who follows erasures', () => {
  it('is told of each tenant that is erased from then on, and of nothing else', async () => {
    const log = new InMemoryEventLog();
    const happen = (type: string, tenantId: string) =>
      log.append({
        ...{ stream: { tenantId: null, aggregate: 'erasure', id: tenantId }, expected: 'any' },
        ...{ events: [{ type, data: { tenantId } }], commandId: uuidv7() },
        ...{ actor: { kind: 'system' }, correlationId: 'test' },
      });
    const [before, other, gone] = [uuidv7(), uuidv7(), uuidv7()];
    await happen('TenantErased', before);
    const told: string[] = [];
    const all = new Promise<void>((resolve) => {
      const { stop } = followErasures(log, (tenantId) => {
        told.push(tenantId);
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
