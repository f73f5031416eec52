import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { isPartitionParked } from '#projecting/checkpoints/checkpoint-queries';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { DependencyNotReady } from './reaction';

/** ms after which the wait ends with an error, so that a worker that stops is not delayed longer. */
const WAIT_MS = 2_000;

/**
 * For a reaction that reads a read model: resolves when the read model has the events of a tenant up to a position.
 * @param waiter waits for that read model alone
 * @throws NotYet the read model does not reach the position within 2 s
 * @throws Error the partition of the tenant is parked, so that its rows are out of date
 */
export const requireReadModelPosition = async (
  { projection, pool, waiter }: { readonly projection: string; readonly pool: Pool; readonly waiter: PositionWaiter },
  tenantId: string,
  position: Position,
): Promise<void> => {
  if (!(await waiter.waitFor(position, WAIT_MS))) throw new DependencyNotReady(`${projection} is behind`);
  if (await isPartitionParked(pool, projection, tenantId))
    throw new Error(`${projection} does not advance for this tenant: one of its events is parked`);
};
