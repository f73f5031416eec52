import type { Pool } from 'pg';
import { currentVersion, type Upcasters } from '#event-log/upcasting';
import { withClient } from '#platform/database/connections/pools';

/** An event type, and the schema version in which a release writes it. */
export interface EventKind {
  readonly type: string;
  readonly schemaVersion: number;
}

/**
 * Records the event types and schema versions that this release writes, and finds those that other releases may have
 * written and this one does not know. It is one statement on a table with one row for each kind of event; the log is
 * not read.
 * @param pool connects as the projector
 * @param types the names of all events that this release knows
 * @returns the kinds that this release does not know, ordered by type; none if no newer release has run on this
 * database
 */
export const recordKnownEvents = async (
  pool: Pool,
  types: readonly string[],
  upcasters: Upcasters,
): Promise<EventKind[]> => {
  const versions = types.map((type) => currentVersion(upcasters, type));
  return withClient(pool, async (client) => {
    const { rows } = await client.query<EventKind>(
      `with known as (select * from unnest($1::text[], $2::integer[]) as k (type, schema_version)),
        recorded as (insert into projecting.event_types (type, schema_version) select * from known order by 1
          on conflict do nothing)
       select e.type, e.schema_version as "schemaVersion" from projecting.event_types e
       left join known k on k.type = e.type and k.schema_version >= e.schema_version
       where k.type is null order by 1, 2`,
      [types, versions],
    );
    return rows;
  });
};
