import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { sleep } from '#platform/loops/backoff';
import { type RebuildRow, readOpenRebuilds, readRebuild } from '#projecting/operator-queries';
import { requestRebuild } from '#projecting/versions/install';
import type { RecordAction } from './operator-session';
import { projectionNamed } from './projections';
import { table } from './table';

/** Lists the open rebuilds with their progress and the reason of the last failure; empty if there are none. */
export const listRebuilds = async (pool: Pool): Promise<string> => {
  const rows = await readOpenRebuilds(pool);
  if (rows.length === 0) return '';
  return table(
    ['rebuild of', 'to version', 'state', 'position', 'of', 'attempt', 'failures', 'next attempt', 'reason'],
    rows.map((it) => {
      const next = it.state === 'failed' || it.state === 'requested' ? it.next.toISOString() : '';
      const progress = [it.position, it.target, it.attempt, it.failures];
      return [it.projection, it.version, it.state, ...progress, next, it.error ?? ''];
    }),
  );
};

const describe = ({ state, version, position, target }: RebuildRow): string =>
  state === 'requested'
    ? `waiting for a worker whose release has version ${version}; check that one is running`
    : `${state}: position ${position} of ${target}`;

/**
 * Requests a rebuild in the installed version of the read model, which may differ from the version of this release.
 * Shows the progress until a running worker has finished the rebuild.
 * @throws Error an attempt failed (workers continue to try), or another rebuild replaced this one
 */
export const rebuildProjection = async (
  pool: Pool,
  name: string | undefined,
  show: (line: string) => void,
  record: RecordAction,
): Promise<string> => {
  const projection = projectionNamed(name);
  await record('projections.rebuild', projection.name);
  const id = await withClient(pool, (client) => requestRebuild(client, projection.name));
  for (let shown = ''; ; await sleep(500)) {
    const rebuild = await readRebuild(pool, id);
    if (!rebuild)
      throw new Error('the rebuild was deleted from the database; `tenantry projections` shows the present state');
    if (rebuild.state === 'done') return `${projection.name} is rebuilt from ${rebuild.events} events`;
    if (rebuild.state === 'superseded')
      throw new Error(`the rebuild was canceled, because a newer version of ${projection.name} was requested`);
    if (rebuild.state === 'failed')
      throw new Error(
        `attempt ${rebuild.attempt} of the rebuild failed: ${rebuild.error}. A worker tries again at ${rebuild.next.toISOString()}; see \`tenantry projections\``,
      );
    const line = describe(rebuild);
    if (line !== shown) show(line);
    shown = line;
  }
};
