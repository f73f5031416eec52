import { projectFold } from '#domain/project/evolve';
import { taskFold } from '#domain/task/evolve';
import { renameTenant } from '#domain/tenant/decide-tenant';
import { memberOf, tenantFold } from '#domain/tenant/evolve';
import { uuidv7 } from '#platform/ids/uuid';
import { InMemoryEventLog, InMemoryStore } from '#testing/in-memory-event-log';
import { memberRemoved, tenantWithStaff, USERS } from '#testing/tenant-facts';
import type { EventToAppend, JsonObject } from '../port';
import type { Upcasters } from '../upcasting';
import { AggregateStore } from './aggregate-store';
import type { Snapshots } from './snapshots';

const context = () => ({
  ...{ commandId: uuidv7(), actor: { kind: 'system' } as const, correlationId: 'test', mayRepeat: false },
});
const newer: Upcasters = { TenantRenamed: [(data) => data] };

describe('a history with an event of a newer release', () => {
  const memory = new InMemoryStore();
  const log = new InMemoryEventLog(memory);
  const store = new AggregateStore({ log });

  const append = (tenantId: string, events: readonly EventToAppend[], upcasters: Upcasters = {}) =>
    new InMemoryEventLog(memory, upcasters).append({
      ...{ stream: { tenantId, aggregate: 'tenant', id: tenantId }, expected: 'any', events },
      ...{ commandId: uuidv7(), actor: { kind: 'system' }, correlationId: 'test' },
    });
  const unknown: EventToAppend = { type: 'TenantPainted', data: { colour: 'blue' } };
  const newVersion: EventToAppend = { type: 'TenantRenamed', data: { name: 'New', slug: 'new' } };
  const rename = (tenantId: string) =>
    store.execute(tenantFold, { tenantId, aggregate: 'tenant', id: tenantId }, context(), (tenant) =>
      renameTenant(
        { by: USERS.owner, name: 'Acme Ltd', slug: 'acme-ltd' } as Parameters<typeof renameTenant>[0],
        tenant,
      ),
    );

  it.each([
    ['of an unknown type', unknown, {}],
    ['of a newer schema version', newVersion, newer],
  ])('%s can be read, but no command can be decided on it', async (_, event, upcasters) => {
    const [tenantId, other] = [uuidv7(), uuidv7()];
    await append(tenantId, tenantWithStaff);
    await append(other, tenantWithStaff);
    await append(tenantId, [event], upcasters);
    const stream = { tenantId, aggregate: 'tenant', id: tenantId };
    const { state, version } = await store.load(tenantFold, stream);
    expect(version).toBe(tenantWithStaff.length + 1);
    expect(memberOf(state, USERS.owner)?.role).toBe('owner');
    const refused = { name: 'HistoryOfNewerRelease', message: expect.stringContaining(event.type) };
    await expect(rename(tenantId)).rejects.toMatchObject(refused);
    await expect(store.loadForDecision(tenantFold, stream)).rejects.toMatchObject(refused);
    expect((await log.readStream(stream)).length).toBe(version);
    expect((await rename(other)).version).toBe(tenantWithStaff.length + 1);
  });

  it('does not prevent the effect of a later removal', async () => {
    const tenantId = uuidv7();
    await append(tenantId, [...tenantWithStaff, unknown, memberRemoved(USERS.auditor)]);
    const { state } = await store.load(tenantFold, { tenantId, aggregate: 'tenant', id: tenantId });
    expect(memberOf(state, USERS.auditor)).toBeUndefined();
  });

  it('can be read even if that event is the first one', async () => {
    const tenantId = uuidv7();
    await append(tenantId, [unknown, memberRemoved(USERS.auditor)]);
    const stream = { tenantId, aggregate: 'tenant', id: tenantId };
    expect(await store.load(tenantFold, stream)).toMatchObject({ version: 2, state: { status: 'absent' } });
  });

  it('can be decided on by the release that knows the event', async () => {
    const tenantId = uuidv7();
    await append(tenantId, tenantWithStaff);
    await append(tenantId, [newVersion], newer);
    const knowing = new AggregateStore({ log: new InMemoryEventLog(memory, newer) });
    const stream = { tenantId, aggregate: 'tenant', id: tenantId };
    expect((await knowing.loadForDecision(tenantFold, stream)).state).toMatchObject({ name: 'New' });
  });

  it('is not saved in a snapshot, because the newer release would trust the snapshot', async () => {
    const tenantId = uuidv7();
    await append(tenantId, [...tenantWithStaff, unknown]);
    const saved: unknown[] = [];
    const snapshots: Snapshots = { load: async () => undefined, save: (...snapshot) => void saved.push(snapshot) };
    const snapshotting = new AggregateStore({ log, snapshots, snapshotEvery: 1 });
    await snapshotting.load(tenantFold, { tenantId, aggregate: 'tenant', id: tenantId });
    expect(saved).toEqual([]);
  });

  it.each([
    ['project', projectFold],
    ['task', taskFold],
    ['tenant', tenantFold],
  ])('is detected by the default case of the %s fold', (_, fold) => {
    const evolve = fold.evolve as (
      state: unknown,
      event: { type: string; data: JsonObject },
      version: number,
    ) => unknown;
    expect(() => evolve(fold.initial, { type: 'NeverSeen', data: {} }, 1)).toThrow('does not know the event NeverSeen');
  });
});
