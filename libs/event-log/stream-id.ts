/** Names one stream. `tenantId` is null for what lives outside every tenant (people). Ids are lower-case UUIDs. */
export interface StreamId {
  readonly tenantId: string | null;
  /** Lower-case word, `[a-z][a-z0-9_]{0,30}`. */
  readonly aggregate: string;
  readonly id: string;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const NAME = new RegExp(`^(?:([0-9a-f]{32})\\.)?([a-z][a-z0-9_]{0,30})-(${UUID})$`);

export const uuidPattern = new RegExp(`^${UUID}$`);
export const aggregatePattern = /^[a-z][a-z0-9_]{0,30}$/;

/** The prefix that all streams of a tenant share: its id as 32 hex digits and a dot. */
export const tenantPrefix = (tenantId: string): string => `${tenantId.replaceAll('-', '')}.`;

/** `<tenant as 32 hex digits>.<aggregate>-<id>`, or `<aggregate>-<id>` outside tenants. */
export const streamName = ({ tenantId, aggregate, id }: StreamId): string =>
  `${tenantId === null ? '' : tenantPrefix(tenantId)}${aggregate}-${id}`;

/** The reverse of {@link streamName}; undefined for a name of another form. */
export const parseStreamName = (name: string): StreamId | undefined => {
  const match = NAME.exec(name);
  if (!match) return undefined;
  const [, hex, aggregate, id] = match as unknown as [string, string | undefined, string, string];
  return { tenantId: hex ? withHyphens(hex) : null, aggregate, id };
};

/** By slices and not by a pattern: readers of the whole log come here with every event. */
const withHyphens = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
