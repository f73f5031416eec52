import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { sleep } from '#platform/loops/backoff';
import { type RebuildRow, readOpenRebuilds, readRebuild } from '#projecting/operator-queries';
import { requestRebuild } from '#projecting/versions/install';
import { projectionNamed } from './projections';
import { table } from './table';

/** Rebuilds that are not ended: what is wanted, how far it is, and why it failed. Empty where there is none. */
export const listRebuilds = async (pool: Pool): Promise<string> => {
  const rows = await readOpenRebuilds(pool);
  if (rows.length === 0) return '';
  return table(
    ['rebuild of', 'to version', 'state', 'position', 'of', 'attempt', 'failures', 'next attempt', 'reason'],
    rows.map((it) => {
      const next = it.state === 'failed' || it.state === 'requested' ? it.next.toISOString() : '';
      const far = [it.position, it.target, it.attempt, it.failures];
      return [it.projection, it.version, it.state, ...far, next, it.error ?? ''];
    }),
  );
};

const describe = ({ state, version, position, target }: RebuildRow): string =>
  state === 'requested'
    ? `waiting for a worker whose release has version ${version}; check that one is running`
    : `${state}: position ${position} of ${target}`;

/**
 * Requests a rebuild at the installed version, whatever version this command's release has, and shows how far it is until a
 * running worker has done it.
 * @throws Error where an attempt fails; workers continue trying
 */
export const rebuildProjection = async (
  pool: Pool,
  name: string | undefined,
  show: (line: string) => void,
): Promise<string> => {
  const projection = projectionNamed(name);
  const id = await withClient(pool, (client) => requestRebuild(client, projection.name));
  for (let shown = ''; ; await sleep(500)) {
    const rebuild = await readRebuild(pool, id);
    if (!rebuild) throw new Error('the rebuild is no longer in the database');
    if (rebuild.state === 'done') return `${projection.name} is rebuilt from ${rebuild.events} events`;
    if (rebuild.state === 'superseded')
      throw new Error(`the rebuild was cancelled, because a newer version of ${projection.name} was requested`);
    if (rebuild.state === 'failed')
      throw new Error(
        `attempt ${rebuild.attempt} of the rebuild failed: ${rebuild.error}. A worker tries again at ${rebuild.next.toISOString()}; see \`tenantry projections\``,
      );
    const line = describe(rebuild);
    if (line !== shown) show(line);
    shown = line;
  }
};
