import type { DomainEvent } from '#domain/events';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { ids, useReactions } from '#test/support/worlds/reactions';

describe.each(['PostgreSQL', 'in-memory'])('the reactions, with the %s log', (kind) => {
  const world = useReactions(kind);
  const {
    startProjections,
    startWorker,
    inTenant,
    created,
    append,
    until,
    teamOf,
    settled,
    ada,
    joined,
    removed,
    tenantId,
  } = world;

  it('release the projects of a deleted team, also those that get the team afterwards', async () => {
    startProjections();
    startWorker();
    const [team, other, before, archived, late, kept] = ids(6);
    const project = (teamId: string): DomainEvent => ({
      type: 'ProjectCreated',
      data: { name: 'Website', description: '', teamId },
    });
    await inTenant(created, { type: 'TeamCreated', data: { teamId: team, name: 'Sales' } });
    await inTenant({ type: 'TeamCreated', data: { teamId: other, name: 'Support' } });
    await append('project', before, project(team));
    await append('project', archived, project(team), { type: 'ProjectArchived', data: {} });
    await append('project', kept, project(other));
    await inTenant({ type: 'TeamDeleted', data: { teamId: team } });
    await append('project', late, project(team));
    await until(
      async () => (await teamOf(before)) === null && (await teamOf(archived)) === null && (await teamOf(late)) === null,
    );
    await settled();
    expect(await teamOf(kept)).toBe(other);
  });

  it('end the sessions of a removed member in that tenant, but not those of a later membership', async () => {
    const [before, after, elsewhere] = ids(6);
    const owner = createPool({ url: world.database.urls.owner, max: 1, applicationName: 'test' });
    world.stops.push(() => owner.end());
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1::uuid, $1::text, $1::text, 'Ada', 'hash', 'active')`,
      [ada],
    );
    const open = (id: string, tenant: string, memberSince: number) =>
      owner.query(
        `insert into identity.sessions (id, user_id, tenant_id, member_since, expires_at, method)
         values ($1, $2, $3, $4, now() + interval '1 day', 'password')`,
        [id, ada, tenant, memberSince],
      );
    await inTenant(created, joined(ada), removed(ada), joined(ada));
    await open(before, tenantId, 2);
    await open(after, tenantId, 4);
    await open(elsewhere, uuidv7(), 2);
    startWorker();
    const ended = async () =>
      (await owner.query('select id, end_reason from identity.sessions where ended_at is not null')).rows;
    await until(async () => (await ended()).length > 0);
    await inTenant(removed(ada));
    await until(async () => (await ended()).length > 1);
    expect((await ended()).map(({ id, end_reason }) => [id, end_reason]).sort()).toEqual(
      [
        [before, 'removed'],
        [after, 'removed'],
      ].sort(),
    );
  });
});
