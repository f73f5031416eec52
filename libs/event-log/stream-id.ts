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
  const tenantId = hex ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : null;
  return { tenantId, aggregate, id };
};
