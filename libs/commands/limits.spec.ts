import { NO_LIMITS } from '#domain/limits';
import { CreateProject, RestoreProject } from '#domain/project/decide';
import { Refusal } from '#domain/refusal';
import { CreateTask } from '#domain/task/decide';
import { AggregateStore, type CommandResult } from '#event-log/aggregate/aggregate-store';
import { AppendOutcomeUnknown, LogUnavailable } from '#event-log/port';
import type { LimitClaim, LimitGuard, Reservable } from '#plans/limit-guard.port';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import { type OpenCommandBus, openCommandBus } from './command-bus';

const [tenantId, owner] = [uuidv7(), uuidv7()];

/** A guard that records each reservation and release. @param room the number of places that can be reserved */
const createGuard = (room = 100, usable = true) => {
  const notes: string[] = [];
  const limits: LimitGuard = {
    limitsOf: () => NO_LIMITS,
    requireWritable: async () => undefined,
    reserve: async ({ commandId }: LimitClaim, { resource }: Reservable) => {
      if (room-- <= 0) throw new Refusal('plan-limit-reached', 'The limit is reached.');
      notes.push(`${resource} for ${commandId}`);
      return {
        isUsable: () => usable,
        used: () => undefined,
        release: async () => {
          notes.push('released');
        },
      };
    },
  };
  return { limits, notes };
};

const logWithTenant = async (): Promise<InMemoryEventLog> => {
  const log = new InMemoryEventLog();
  await log.append({
    stream: { tenantId, aggregate: 'tenant', id: tenantId },
    expected: 0,
    events: [{ type: 'TenantCreated', data: { name: 'Acme', slug: 'acme', ownerId: owner, plan: 'free' } }],
    commandId: uuidv7(),
    actor: { kind: 'user', id: owner },
    correlationId: 'test',
  });
  return log;
};

const contextOf = (commandId: string, mayRepeat = false) => ({
  commandId,
  actor: { kind: 'user', id: owner } as const,
  correlationId: 'test',
  mayRepeat,
});

type Command = CreateProject | RestoreProject | CreateTask;

let opened: OpenCommandBus[] = [];
afterEach(async () => {
  for (const { close } of opened) await close();
  opened = [];
});

/** Opens a command bus with this log and this guard, and returns a function that executes commands on it. */
const createBus = async (log: InMemoryEventLog, limits: LimitGuard) => {
  const commands = await openCommandBus({ store: new AggregateStore({ log }), limits, logger: silentLogger });
  opened.push(commands);
  return (command: Command) => commands.bus.execute<Command, CommandResult>(command);
};

const createProject = (commandId: string, { mayRepeat = false, by = owner } = {}): CreateProject =>
  new CreateProject(
    tenantId,
    { by, projectId: commandId, name: 'Website', description: '', teamId: null },
    contextOf(commandId, mayRepeat),
  );
const createTask = (commandId: string, projectId: string): CreateTask =>
  new CreateTask(
    tenantId,
    { by: owner, taskId: commandId, projectId, title: 'T', description: '', assigneeId: null, dueOn: null },
    contextOf(commandId),
  );

describe('a reservation of a limited resource', () => {
  it('is made for the command that uses the resource, and is not released', async () => {
    const { limits, notes } = createGuard();
    const execute = await createBus(await logWithTenant(), limits);
    const [project, task] = [uuidv7(), uuidv7()];
    await execute(createProject(project));
    await execute(createTask(task, project));
    expect(notes).toEqual([`projects for ${project}`, `tasks for ${task}`]);
  });

  it('is refused if the limit is reached, and nothing is appended', async () => {
    const { limits } = createGuard(0);
    const log = await logWithTenant();
    await expect((await createBus(log, limits))(createProject(uuidv7()))).rejects.toMatchObject({
      reason: 'plan-limit-reached',
    });
    expect(await log.head()).toBe(1n);
  });

  it('is not made for a command that the rule refuses', async () => {
    const { limits, notes } = createGuard();
    const execute = await createBus(await logWithTenant(), limits);
    await expect(execute(createProject(uuidv7(), { by: uuidv7() }))).rejects.toMatchObject({ reason: 'not-found' });
    await expect(execute(createTask(uuidv7(), uuidv7()))).rejects.toMatchObject({ reason: 'not-found' });
    expect(notes).toEqual([]);
  });

  it('is released if nothing was appended', async () => {
    const { limits, notes } = createGuard();
    const log = await logWithTenant();
    jest.spyOn(log, 'append').mockRejectedValueOnce(new LogUnavailable('the log is not available'));
    await expect((await createBus(log, limits))(createProject(uuidv7()))).rejects.toThrow(LogUnavailable);
    expect(notes).toEqual([expect.any(String), 'released']);
  });

  it('is not used after it has expired, for example because the process was suspended', async () => {
    const { limits, notes } = createGuard(100, false);
    const log = await logWithTenant();
    await expect((await createBus(log, limits))(createProject(uuidv7()))).rejects.toThrow(LogUnavailable);
    expect(notes).toEqual([expect.any(String), 'released']);
    expect(await log.head()).toBe(1n);
  });

  it('is not released if it is not known whether the append succeeded', async () => {
    const { limits, notes } = createGuard();
    const log = await logWithTenant();
    const append = log.append.bind(log);
    jest.spyOn(log, 'append').mockImplementationOnce(async (one) => {
      await append(one);
      throw new AppendOutcomeUnknown('interrupted');
    });
    const [execute, id] = [await createBus(log, limits), uuidv7()];
    await expect(execute(createProject(id))).rejects.toThrow(AppendOutcomeUnknown);
    await execute(createProject(id, { mayRepeat: true }));
    expect(notes).toEqual([`projects for ${id}`, `projects for ${id}`]);
    expect(await log.head()).toBe(2n);
  });

  it('is made for a restored project, and not if the project was not archived', async () => {
    const { limits, notes } = createGuard();
    const log = await logWithTenant();
    const [execute, id, secondRestore] = [await createBus(log, limits), uuidv7(), uuidv7()];
    await execute(createProject(id));
    const restore = (commandId: string) =>
      execute(new RestoreProject(tenantId, { by: owner, projectId: id }, contextOf(commandId)));
    await restore(uuidv7());
    await log.append({
      stream: { tenantId, aggregate: 'project', id },
      expected: 1,
      events: [{ type: 'ProjectArchived', data: {} }],
      commandId: uuidv7(),
      actor: { kind: 'user', id: owner },
      correlationId: 'test',
    });
    await restore(secondRestore);
    expect(notes).toEqual([`projects for ${id}`, `projects for ${secondRestore}`]);
  });
});
