import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { type OpenCommandBus, openCommandBus } from '#commands/command-bus';
import type { DomainEvent } from '#domain/events';
import { projectFold } from '#domain/project/evolve';
import { taskFold } from '#domain/task/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { EventLog, Position, RecordedEvent } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { unlimited } from '#plans/limit-guard.port';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { uuidv7 } from '#platform/ids/uuid';
import { startDatabaseClock } from '#platform/lease/database-clock';
import { silentLogger } from '#platform/logging/logger.port';
import { startEngine } from '#projecting/engine';
import { createProjectionMetrics } from '#projecting/metrics';
import { createProjectorPool } from '#projecting/projector-pool';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { createProgress } from '#projecting/read-your-writes/progress';
import { installProjections } from '#projecting/versions/install';
import { projectsProjection } from '#projections/projects/projection';
import { tasksProjection } from '#projections/tasks/projection';
import { startReactions } from '#reacting/engine';
import { createReactionMetrics } from '#reacting/metrics';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { createReactions, QUERIED_READ_MODELS } from '.';

/** At least six ids, so that a test can destructure them. */
type Ids = readonly [string, string, string, string, string, string, ...string[]];
const ids = (count: number): Ids => Array.from({ length: count }, () => uuidv7()) as unknown as Ids;

describe.each(['PostgreSQL', 'in-memory'])('the reactions, with the %s log', (kind) => {
  const projections = [projectsProjection, tasksProjection];
  let database: TestDatabase;
  let pool: Pool;
  let log: EventLog;
  let store: AggregateStore;
  let commands: OpenCommandBus;
  let stops: (() => Promise<unknown>)[] = [];
  const versions = new Map<string, number>();

  beforeEach(async () => {
    versions.clear();
    database = await createTestDatabase();
    pool = createProjectorPool({ url: database.urls.projector, max: 12 });
    log =
      kind === 'PostgreSQL' ? createPostgresEventLog({ connectionString: database.urls.log }) : new InMemoryEventLog();
    store = new AggregateStore({ log });
    commands = await openCommandBus({ store: new AggregateStore({ log }), limits: unlimited, logger: silentLogger });
    stops.push(() => commands.close());
    const clock = await startDatabaseClock({ pool, logger: silentLogger, intervalMs: 20 });
    stops.push(() => clock.stop());
    await installProjections(pool, projections, roleNames(database.rolePrefix));
  });

  afterEach(async () => {
    for (const stop of stops.toReversed()) await stop();
    stops = [];
    await log.close();
    await pool.end();
    await database.drop();
  });

  const startProjections = (): void => {
    const engine = startEngine({
      projections,
      log,
      pool,
      roles: roleNames(database.rolePrefix),
      progress: createProgress(),
      logger: silentLogger,
      metrics: createProjectionMetrics({ registry: new Registry(), log, pool }),
    });
    stops.push(() => engine.stop());
  };

  /** One worker with its own record of the progress of the read models, as in a separate process. */
  const startWorker = (): void => {
    const waiter = createPositionWaiter({ projections: QUERIED_READ_MODELS, progress: createProgress(), pool });
    const reactions = startReactions({
      reactions: createReactions({ store: new AggregateStore({ log }), bus: commands.bus, pool, waiter }),
      log,
      pool,
      logger: silentLogger,
      metrics: createReactionMetrics({ registry: new Registry(), log, pool }),
      leaseMs: 1_500,
    });
    stops.push(async () => {
      waiter.close();
      await reactions.stop();
    });
  };

  const [tenantId, owner, ada] = [uuidv7(), uuidv7(), uuidv7()];

  const append = async (aggregate: string, id: string, ...events: DomainEvent[]): Promise<Position> => {
    const expected = versions.get(id) ?? 0;
    const { version, position } = await log.append({
      stream: { tenantId, aggregate, id },
      expected,
      events,
      commandId: uuidv7(),
      actor: { kind: 'user', id: owner },
      correlationId: 'request-1',
    });
    versions.set(id, version);
    return position;
  };
  const inTenant = (...events: DomainEvent[]): Promise<Position> => append('tenant', tenantId, ...events);

  const created: DomainEvent = {
    type: 'TenantCreated',
    data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' },
  };
  const joined = (userId: string): DomainEvent => ({
    type: 'MemberJoined',
    data: { userId, role: 'member', invitationId: uuidv7(), use: 1 },
  });
  const removed = (userId: string): DomainEvent => ({
    type: 'MemberRemoved',
    data: { userId, reason: 'removed' },
  });
  const task = (assigneeId: string | null): DomainEvent => ({
    type: 'TaskCreated',
    data: { projectId: uuidv7(), title: 'Choose a colour', description: '', assigneeId, dueOn: null },
  });
  const assigned = (assigneeId: string): DomainEvent => ({ type: 'TaskAssigned', data: { assigneeId } });

  const taskStream = (id: string) => ({ tenantId, aggregate: 'task', id });
  const assigneeOf = async (id: string): Promise<string | null | undefined> => {
    const { state } = await store.load(taskFold, taskStream(id));
    return state.kind === 'present' ? (state.assignment?.userId ?? null) : undefined;
  };
  const teamOf = async (id: string): Promise<string | null | undefined> => {
    const stream = { tenantId, aggregate: 'project', id };
    const { state } = await store.load(projectFold, stream);
    return state.status === 'absent' ? undefined : state.teamId;
  };

  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 20_000; !(await condition()); ) {
      if (Date.now() > end) throw new Error('the condition was not met in 20 seconds');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  /** Waits until all reactions have handled every event of the log, also the events that they caused. */
  const settled = (): Promise<void> =>
    until(async () => {
      const { rows } = await pool.query<{ position: string }>('select position from reacting.checkpoints');
      const head = await log.head();
      return rows.length === 3 && rows.every(({ position }) => BigInt(position) >= head);
    });
  const unassignments = async (id: string): Promise<RecordedEvent[]> =>
    (await log.readStream(taskStream(id))).filter(({ type }) => type === 'TaskUnassigned');

  it('unassign the tasks of a removed member, and no other tasks', async () => {
    startProjections();
    startWorker();
    const [atCreation, later, reassigned, unassigned] = [uuidv7(), uuidv7(), uuidv7(), uuidv7()];
    await inTenant(created, joined(ada));
    await append('task', atCreation, task(ada));
    await append('task', later, task(null), assigned(ada));
    await append('task', reassigned, task(ada), assigned(owner));
    await append('task', unassigned, task(null));
    await settled();
    await inTenant(removed(ada));
    await until(async () => (await assigneeOf(atCreation)) === null && (await assigneeOf(later)) === null);
    await settled();
    expect(await assigneeOf(reassigned)).toBe(owner);
    expect(await log.readStream(taskStream(unassigned))).toHaveLength(1);
  });

  it('record the system as the actor, the removal as the cause and the request that removed the member', async () => {
    startProjections();
    startWorker();
    const id = uuidv7();
    await inTenant(created, joined(ada));
    await append('task', id, task(ada));
    await settled();
    await inTenant(removed(ada));
    await until(async () => (await assigneeOf(id)) === null);
    const removal = (await log.readStream({ tenantId, aggregate: 'tenant', id: tenantId })).at(-1);
    expect(await unassignments(id)).toMatchObject([
      {
        data: { reason: 'no-member' },
        actor: { kind: 'system' },
        causationId: removal?.id,
        correlationId: 'request-1',
      },
    ]);
  });

  it('unassign a task that is assigned to a user after the user was removed', async () => {
    startProjections();
    startWorker();
    const [one, two] = [uuidv7(), uuidv7()];
    await append('task', two, task(null));
    await inTenant(created, joined(ada), removed(ada));
    await settled();
    await append('task', one, task(ada));
    await append('task', two, assigned(ada));
    await until(async () => (await assigneeOf(one)) === null && (await assigneeOf(two)) === null);
  });

  it('unassign what a user had before a removal, and keep what is assigned after the user joined again', async () => {
    const [before, after, both] = [uuidv7(), uuidv7(), uuidv7()];
    await inTenant(created, joined(ada));
    await append('task', before, task(ada));
    await append('task', both, task(ada));
    await inTenant(removed(ada));
    await inTenant(joined(ada));
    await append('task', after, task(ada));
    await append('task', both, assigned(owner), assigned(ada));
    startProjections();
    startWorker();
    await settled();
    expect(await assigneeOf(before)).toBeNull();
    expect([await assigneeOf(after), await assigneeOf(both)]).toEqual([ada, ada]);
  });

  it('wait for the read model that they query', async () => {
    const id = uuidv7();
    startWorker();
    await inTenant(created, joined(ada));
    await append('task', id, task(ada));
    await settled();
    await inTenant(removed(ada));
    // Long enough for a reaction that does not wait for the read model.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await assigneeOf(id)).toBe(ada);
    startProjections();
    await until(async () => (await assigneeOf(id)) === null);
  });

  it('have the effect of one, however many workers there are and however often they handle the event', async () => {
    startProjections();
    for (let i = 0; i < 3; i++) startWorker();
    const many = ids(60);
    await inTenant(created, joined(ada));
    for (const id of many) await append('task', id, task(ada));
    await inTenant(removed(ada));
    await until(async () => (await assigneeOf(many[5])) === null);
    await settled();
    // A crash, or a restore of older checkpoints, has the same effect.
    await pool.query('update reacting.checkpoints set position = 0, holder = $1', [uuidv7()]);
    startWorker();
    await settled();
    for (const id of many) expect(await unassignments(id)).toHaveLength(1);
  });

  it('leave no task with a member who is removed while others assign tasks to the member', async () => {
    startProjections();
    startWorker();
    await inTenant(created, joined(ada));
    const many = ids(40);
    const assigning = many.map(async (id, at) => {
      await new Promise((resolve) => setTimeout(resolve, at));
      await append('task', id, task(ada));
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await inTenant(removed(ada));
    await Promise.all(assigning);
    await settled();
    for (const id of many) expect(await assigneeOf(id)).toBeNull();
  });

  it('change nothing in a tenant that is closed', async () => {
    startProjections();
    const id = uuidv7();
    await inTenant(created);
    await append('task', id, task(owner));
    await inTenant({ type: 'TenantClosed', data: { eraseAfter: '2026-01-01T00:00:00.000Z' } });
    startWorker();
    await settled();
    expect(await assigneeOf(id)).toBe(owner);
  });

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
    const owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    stops.push(() => owner.end());
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
