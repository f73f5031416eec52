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

/** An id above every other id: where a list begins that shows the newest rows first. */
export const ABOVE_EVERY_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const PROJECT: Statement = {
  name: 'project',
  text: `select ${COLUMNS} from read_model.projects where project_id = $1`,
};

/**
 * SQL of a table with the key of one project, or without a row if there is no such project.
 * @param id an SQL expression
 */
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

/** One project of the tenant; undefined if there is none. */
export const findProject = async (db: TenantDb, projectId: string): Promise<ProjectRow | undefined> => {
  const [row] = await db.query<ProjectRow>(PROJECT, [projectId]);
  return row;
};

/**
 * The projects of the tenant, the newest first.
 * @param archived returns only archived projects or only others; undefined returns both
 * @param before returns only projects that are older than the one with this id
 * @param limit the most rows that are returned
 */
export const listProjects = (
  db: TenantDb,
  archived: boolean | undefined,
  before: string | undefined,
  limit: number,
): Promise<ProjectRow[]> => {
  const from = before ?? ABOVE_EVERY_ID;
  return archived === undefined
    ? db.query<ProjectRow>(ALL, [from, limit])
    : db.query<ProjectRow>(ARCHIVED_OR_NOT, [from, limit, archived]);
};

/**
 * The ids of the projects of a team, including archived ones, for work outside of a tenant's requests.
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
