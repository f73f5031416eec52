import type { Pool } from 'pg';
import type { EventLog } from '../libs/event-log/port';
import { withClient } from '../libs/platform/database/pools';
import type { Projection } from '../libs/projecting/projection';

/** Resolves where the dependency is well. */
export type Check = () => Promise<unknown>;

/** ms that a dependency may take to answer. */
const PATIENCE_MS = 1_000;
/** ms that a result is good for: many probes make one round of checks. */
const FRESH_MS = 250;

/** Names what does not answer well. Never why: this is open to everybody. */
export const createReadiness = (checks: Readonly<Record<string, Check>>): (() => Promise<string[]>) => {
  let last: { readonly at: number; readonly missing: Promise<string[]> } | undefined;
  const look = async (): Promise<string[]> => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ((await isWell(check)) ? [] : [name])),
    );
    return results.flat();
  };
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > FRESH_MS) last = { at: now, missing: look() };
    return last.missing;
  };
};

const isWell = async (check: Check): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  try {
    return await Promise.race([
      Promise.resolve()
        .then(check)
        .then(() => true),
      late,
    ]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
};

export interface Dependencies {
  readonly log: Pick<EventLog, 'ping'>;
  /** Connects as the role that the process works as. */
  readonly pool: Pool;
  /** The read models that the process needs, each at this version or a later one. */
  readonly projections: readonly Pick<Projection, 'name' | 'version'>[];
}

/** What every process of the product needs. */
export const dependencyChecks = ({ log, pool, projections }: Dependencies): Record<string, Check> => ({
  'event log': () => log.ping(),
  database: () => withClient(pool, (client) => client.query('select')),
  'read models': async () => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ present: number }>(
        `select count(*)::integer as present from unnest($1::text[], $2::integer[]) as needed (projection, version)
         join projecting.checkpoints c on c.projection = needed.projection and c.version >= needed.version`,
        [projections.map(({ name }) => name), projections.map(({ version }) => version)],
      ),
    );
    if (rows[0]?.present !== projections.length) throw new Error('a projection is not installed yet, or not rebuilt');
  },
});
