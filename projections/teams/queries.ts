import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';
import { FROM_THE_FIRST } from '../projects/queries';

export interface TeamRow {
  readonly id: string;
  readonly name: string;
  /** People, by id. */
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

/** One of the tenant's teams; undefined where there is none. */
export const findTeam = async (db: TenantDb, teamId: string): Promise<TeamRow | undefined> => {
  const [row] = await db.query<TeamRow>(TEAM, [teamId]);
  return row;
};

/** The tenant's teams, newest first. @param before only those that are older than this one */
export const listTeams = (db: TenantDb, before: string | undefined, take: number): Promise<TeamRow[]> =>
  db.query<TeamRow>(TEAMS, [before ?? FROM_THE_FIRST, take]);
