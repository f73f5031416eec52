/**
 * Identifies one stream. `tenantId` is null for a stream outside every tenant: `user-<user id>`,
 * `operators-<operator id>`, and `operators-<tenant id>`, which holds the facts about an erased tenant that operators
 * need. Ids are lower-case UUIDs.
 */
export interface StreamId {
  readonly tenantId: string | null;
  /** Lower-case word, `[a-z][a-z0-9_]{0,30}`. */
  readonly aggregate: string;
  readonly id: string;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const AGGREGATE = '[a-z][a-z0-9_]{0,30}';
const IN_TENANT = new RegExp(`^([0-9a-f]{32})-(${AGGREGATE})\\.(${UUID})$`);
const OUTSIDE = new RegExp(`^(${AGGREGATE})-(${UUID})$`);

export const uuidPattern = new RegExp(`^${UUID}$`);
export const aggregatePattern = new RegExp(`^${AGGREGATE}$`);

/**
 * The tenant's id as 32 hex digits. For EventStoreDB, the category of a stream is the part of its name before the first
 * hyphen, so this is the category of all streams of the tenant.
 */
export const tenantCategory = (tenantId: string): string => tenantId.replaceAll('-', '');

/** The prefix of the names of all streams of a tenant, and of no other stream: the category and a hyphen. */
export const tenantPrefix = (tenantId: string): string => `${tenantCategory(tenantId)}-`;

/** `<tenant as 32 hex digits>-<aggregate>.<id>`, or `<aggregate>-<id>` outside tenants. */
export const streamName = ({ tenantId, aggregate, id }: StreamId): string =>
  tenantId === null ? `${aggregate}-${id}` : `${tenantPrefix(tenantId)}${aggregate}.${id}`;

/** The reverse of {@link streamName}; undefined for a name of another form. */
export const parseStreamName = (name: string): StreamId | undefined => {
  const inTenant = IN_TENANT.exec(name) as [string, string, string, string] | null;
  if (inTenant) return { tenantId: withHyphens(inTenant[1]), aggregate: inTenant[2], id: inTenant[3] };
  const outside = OUTSIDE.exec(name) as [string, string, string] | null;
  return outside ? { tenantId: null, aggregate: outside[1], id: outside[2] } : undefined;
};

/** Uses slices and not a regular expression, for speed: readers of the whole log call this for every event. */
const withHyphens = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
