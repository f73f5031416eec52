import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';

export interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly teamId: string | null;
  readonly archived: boolean;
  readonly version: number;
}

const COLUMNS = 'project_id as id, name, description, team_id as "teamId", archived, version';

/** Before every row of a list whose newest comes first. */
export const FROM_THE_FIRST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const PROJECT: Statement = {
  name: 'project',
  text: `select ${COLUMNS} from read_model.projects where project_id = $1`,
};

/** SQL for the keys of one project, as a table. @param id an SQL expression */
export const projectById = (id: string): string =>
  `(select tenant_id, project_id from read_model.projects where project_id = ${id})`;

const ALL: Statement = {
  name: 'projects',
  text: `select ${COLUMNS} from read_model.projects where project_id < $1 order by project_id desc limit $2`,
};

const ARCHIVED_OR_NOT: Statement = {
  name: 'projects-archived-or-not',
  text: `select ${COLUMNS} from read_model.projects
    where archived = $3 and project_id < $1 order by project_id desc limit $2`,
};

/** One of the tenant's projects; undefined where there is none. */
export const findProject = async (db: TenantDb, projectId: string): Promise<ProjectRow | undefined> => {
  const [row] = await db.query<ProjectRow>(PROJECT, [projectId]);
  return row;
};

/**
 * The tenant's projects, newest first.
 * @param archived undefined: both
 * @param before only those that are older than this project
 */
export const listProjects = (
  db: TenantDb,
  archived: boolean | undefined,
  before: string | undefined,
  take: number,
): Promise<ProjectRow[]> => {
  const from = before ?? FROM_THE_FIRST;
  return archived === undefined
    ? db.query<ProjectRow>(ALL, [from, take])
    : db.query<ProjectRow>(ARCHIVED_OR_NOT, [from, take, archived]);
};

/**
 * The ids of a team's projects, archived ones too, for those who work for all tenants.
 * @param pool connects as the projector
 */
export const projectsOfTeam = (pool: Pool, tenantId: string, teamId: string): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ id: string }>({
      name: 'projects-of-team',
      text: 'select project_id as id from read_model.projects where tenant_id = $1 and team_id = $2',
      values: [tenantId, teamId],
    });
    return rows.map(({ id }) => id);
  });
