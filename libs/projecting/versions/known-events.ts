import type { Pool } from 'pg';
import { currentVersion, type Upcasters } from '#event-log/upcasting';
import { withClient } from '#platform/database/connections/pools';

/** An event type, and the schema version in which a release writes it. */
export interface EventKind {
  readonly type: string;
  readonly schemaVersion: number;
}

/**
 * Records what this release may write from now on, and finds what other releases may have written that this one does not
 * know. One statement on a table of a row for each kind: the log is not looked through, however long it is.
 * @param pool connects as the projector
 * @param types the names of all events that this release knows
 * @returns what this release does not know, by type; empty where no newer release has run on this database
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
