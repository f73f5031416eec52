import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import { createReactions, QUERIED_READ_MODELS } from '#apps/worker/reactions/index';
import { type OpenCommandBus, openCommandBus } from '#commands/command-bus';
import type { DomainEvent } from '#domain/events';
import { projectFold } from '#domain/project/evolve';
import { taskFold } from '#domain/task/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { EventLog, Position, RecordedEvent } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { unlimited } from '#plans/limit-guard.port';
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

/** At least six ids, so that a test can destructure them. */
type Ids = readonly [string, string, string, string, string, string, ...string[]];
export const ids = (count: number): Ids => Array.from({ length: count }, () => uuidv7()) as unknown as Ids;

/** Opens a database, a log with one tenant, and its read models, for specs of the reactions. @param kind of the log */
export const useReactions = (kind: string) => {
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

  return {
    startProjections,
    startWorker,
    inTenant,
    created,
    joined,
    ada,
    append,
    task,
    assigned,
    owner,
    settled,
    removed,
    until,
    assigneeOf,
    taskStream,
    tenantId,
    unassignments,
    teamOf,
    get log() {
      return log;
    },
    get pool() {
      return pool;
    },
    get database() {
      return database;
    },
    get stops() {
      return stops;
    },
  };
};
