import type { Pool } from 'pg';
import { createInboxStore, takeIn } from '#billing/inbox/inbox-store';
import type { RecordedEvent } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { claim, forget, move, park, type ReactionLease, ReactionLeaseLost, setAside } from '#reacting/checkpoint';
import { createTestDatabase } from '#testing/database';
import type { Rewrite } from './checkpoint';
import { faultyPool } from './faulty-pool';

interface World {
  readonly owner: Pool;
  /** As the projector, with the bug that is put into its statements. */
  readonly pool: Pool;
  /** Lets the leases that are held come to their end. */
  endLeases(): Promise<unknown>;
}

const inWorld = async <T>(rewrite: Rewrite | undefined, work: (world: World) => Promise<T>): Promise<T> => {
  const database = await createTestDatabase();
  const owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
  const projector = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
  try {
    const endLeases = () => owner.query(`update lease.clock set at = at + interval '1 hour'`);
    return await work({ owner, pool: faultyPool(projector, () => 'none', rewrite), endLeases });
  } finally {
    await Promise.all([owner.end(), projector.end()]);
    await database.drop();
  }
};

/** Whether it was written. @throws what is no loss of a lease */
const wrote = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    (answer) => answer !== false,
    (error: unknown) => {
      if (error instanceof ReactionLeaseLost) return false;
      throw error;
    },
  );

const event: RecordedEvent = {
  ...{ id: uuidv7(), version: 1, position: 3n, type: 'Happened', data: {}, commandId: uuidv7(), schemaVersion: 1 },
  ...{ stream: { tenantId: uuidv7(), aggregate: 'note', id: uuidv7() }, actor: { kind: 'system' } },
  ...{ correlationId: 'test', causationId: uuidv7(), recordedAt: new Date(0) },
} as RecordedEvent;

/**
 * A worker that continues with a reaction after another one took it over: it must write nothing.
 * @returns the writes that succeeded
 */
export const writesOfOvertakenReaction = (rewrite?: Rewrite): Promise<string[]> =>
  inWorld(rewrite, async ({ pool, endLeases }) => {
    const leaseOf = (): ReactionLease => ({ reaction: 'answers', token: uuidv7(), leaseMs: 10_000 });
    const [old, heir] = [leaseOf(), leaseOf()];
    await claim(pool, old, undefined);
    await endLeases();
    await claim(pool, heir, undefined);
    const reached = { position: 5n };
    const writes = {
      move: () => move(pool, old, reached),
      park: () => park(pool, old, reached, event, { error: 'it fails', attempts: 1 }),
      setAside: () => setAside(pool, old, reached, [event]),
      forget: () => forget(pool, old, reached, event.id),
    };
    const done: string[] = [];
    for (const [name, write] of Object.entries(writes)) if (await wrote(write())) done.push(name);
    return done;
  });

/**
 * A worker that continues with a customer of Stripe after another one took them over: it must write nothing.
 * @returns the writes that succeeded
 */
export const writesOfOvertakenCustomer = (rewrite?: Rewrite): Promise<string[]> =>
  inWorld(rewrite, async ({ owner, pool, endLeases }) => {
    const mode = { account: '', livemode: false };
    await owner.query(
      `insert into billing.customers (account, livemode, customer_id, tenant_id) values ('', false, 'cus_1', $1)`,
      [uuidv7()],
    );
    const told = { eventId: 'evt_1', type: 'invoice.paid', customerId: 'cus_1', createdAt: new Date(0), payload: '{}' };
    await takeIn(pool, [{ ...mode, ...told, state: 'pending', reason: null }], 'webhook');
    const store = createInboxStore(pool, mode);
    const [old] = await store.claim(1);
    await endLeases();
    const [heir] = await store.claim(1);
    if (!old || !heir) throw new Error('The customer was not given to both workers, one after the other.');
    const done: string[] = [];
    if (await wrote(store.renew(old))) done.push('renew');
    if (await wrote(store.forget(old))) done.push('forget');
    if (await wrote(store.finish(old, await store.pendingOf(old)))) done.push('finish');
    return done;
  });
