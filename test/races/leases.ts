import type { Pool } from 'pg';
import { createInboxStore, storeEvents } from '#billing/inbox/inbox-store';
import type { RecordedEvent } from '#event-log/port';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { claim, deleteParked, move, park, type ReactionLease, ReactionLeaseLost, setAside } from '#reacting/checkpoint';
import { createTestDatabase } from '#testing/database';
import type { Rewrite } from './checkpoint';
import { faultyPool } from './faulty-pool';

interface World {
  readonly owner: Pool;
  /** Connects as the projector; the rewrite is applied to its statements. */
  readonly pool: Pool;
  /** Ends all leases, by moving lease time forward by an hour. */
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

/** @returns false if the write was refused, because the lease is lost @throws Error any other error of the write */
const isWritten = (work: Promise<unknown>): Promise<boolean> =>
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
 * A worker continues with a reaction after another one has taken it over. It must write nothing.
 * @returns the writes that succeeded
 */
export const writesOfOvertakenReaction = (rewrite?: Rewrite): Promise<string[]> =>
  inWorld(rewrite, async ({ pool, endLeases }) => {
    const leaseOf = (): ReactionLease => ({ reaction: 'answers', token: uuidv7(), leaseMs: 10_000 });
    const [old, successor] = [leaseOf(), leaseOf()];
    await claim(pool, old, undefined);
    await endLeases();
    await claim(pool, successor, undefined);
    const reached = { position: 5n };
    const writes = {
      move: () => move(pool, old, reached),
      park: () => park(pool, old, reached, event, { error: 'it fails', attempts: 1 }),
      setAside: () => setAside(pool, old, reached, [event]),
      forget: () => deleteParked(pool, old, reached, event.id),
    };
    const succeeded: string[] = [];
    for (const [name, write] of Object.entries(writes)) if (await isWritten(write())) succeeded.push(name);
    return succeeded;
  });

/**
 * A worker continues with a customer of Stripe after another one has taken over the customer. It must write nothing.
 * @returns the writes that succeeded
 */
export const writesOfOvertakenCustomer = (rewrite?: Rewrite): Promise<string[]> =>
  inWorld(rewrite, async ({ owner, pool, endLeases }) => {
    const mode = { account: '', livemode: false };
    await owner.query(
      `insert into billing.customers (account, livemode, customer_id, tenant_id) values ('', false, 'cus_1', $1)`,
      [uuidv7()],
    );
    const stripeEvent = {
      eventId: 'evt_1',
      type: 'invoice.paid',
      customerId: 'cus_1',
      createdAt: new Date(0),
      payload: '{}',
    };
    await storeEvents(pool, [{ ...mode, ...stripeEvent, state: 'pending', reason: null }], 'webhook');
    const store = createInboxStore(pool, mode);
    const [old] = await store.claim(1);
    await endLeases();
    const [successor] = await store.claim(1);
    if (!old || !successor) throw new Error('The two workers did not claim the customer one after the other.');
    const succeeded: string[] = [];
    if (await isWritten(store.renew(old))) succeeded.push('renew');
    if (await isWritten(store.forget(old))) succeeded.push('forget');
    if (await isWritten(store.finish(old, await store.pendingOf(old)))) succeeded.push('finish');
    return succeeded;
  });
