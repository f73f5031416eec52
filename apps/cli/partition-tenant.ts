import type { EventLog } from '#event-log/port';

/**
 * The tenant of a partition. The partition of a tenant has the tenant's id, and that of a user has the user's id.
 * @returns null for the partition of a user, and for one that is unknown
 */
export const tenantOfPartition = async (
  log: Pick<EventLog, 'readStream'>,
  partition: string,
): Promise<string | null> => {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(partition)) return null;
  const [first] = await log.readStream({ tenantId: partition, aggregate: 'tenant', id: partition }, { limit: 1 });
  return first ? partition : null;
};
