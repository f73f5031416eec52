import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { isPartitionParked } from '#projecting/checkpoints/checkpoint-queries';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { NotYet } from './reaction';

/** ms after which it is asked whether the worker is to stop. */
const PATIENCE_MS = 2_000;

/**
 * For a reaction that asks a read model: resolves once that has a tenant's events up to a position.
 * @param waiter of that read model
 * @throws NotYet it is behind
 * @throws Error one of the tenant's events is parked, so that its rows are not what they should be
 */
export const readModelHas = async (
  { projection, pool, waiter }: { readonly projection: string; readonly pool: Pool; readonly waiter: PositionWaiter },
  tenantId: string,
  position: Position,
): Promise<void> => {
  if (!(await waiter.waitFor(position, PATIENCE_MS))) throw new NotYet(`${projection} is behind`);
  if (await isPartitionParked(pool, projection, tenantId))
    throw new Error(`${projection} does not advance for this tenant: one of its events is parked`);
};
