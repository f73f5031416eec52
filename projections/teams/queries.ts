import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { ABOVE_EVERY_ID } from '../projects/queries';

export interface TeamRow {
  readonly id: string;
  readonly name: string;
  /** The ids of the users in the team, in ascending order. */
  readonly memberIds: readonly string[];
  readonly version: number;
}

const COLUMNS = `t.team_id as id, t.name, t.version,
  array(select m.user_id::text from read_model.team_members m
    where m.tenant_id = t.tenant_id and m.team_id = t.team_id order by m.user_id) as "memberIds"`;

const TEAM: Statement = { name: 'team', text: `select ${COLUMNS} from read_model.teams t where t.team_id = $1` };

const TEAMS: Statement = {
  name: 'teams',
  text: `select ${COLUMNS} from read_model.teams t where t.team_id < $1 order by t.team_id desc limit $2`,
};

/** One team of the tenant; undefined if there is none. */
export const findTeam = async (db: TenantDb, teamId: string): Promise<TeamRow | undefined> => {
  const [row] = await db.query<TeamRow>(TEAM, [teamId]);
  return row;
};

/**
 * The teams of the tenant, the newest first.
 * @param before returns only teams that are older than the one with this id
 * @param limit the most rows that are returned
 */
export const listTeams = (db: TenantDb, before: string | undefined, limit: number): Promise<TeamRow[]> =>
  db.query<TeamRow>(TEAMS, [before ?? ABOVE_EVERY_ID, limit]);
