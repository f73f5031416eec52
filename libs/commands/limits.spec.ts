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

/** A guard that notes what is taken and given back, and has room for so many. */
const createGuard = (room = 100, usable = true) => {
  const notes: string[] = [];
  const limits: LimitGuard = {
    limitsOf: () => NO_LIMITS,
    requireWritable: async () => undefined,
    reserve: async ({ commandId }: LimitClaim, { resource }: Reservable) => {
      if (room-- <= 0) throw new Refusal('plan-limit-reached', 'No more.');
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

const founded = async (): Promise<InMemoryEventLog> => {
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

/** The command bus of a process with this log and this guard. */
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

describe('what a plan limits', () => {
  it('is taken for the command that uses it, and kept', async () => {
    const { limits, notes } = createGuard();
    const execute = await createBus(await founded(), limits);
    const [project, task] = [uuidv7(), uuidv7()];
    await execute(createProject(project));
    await execute(createTask(task, project));
    expect(notes).toEqual([`projects for ${project}`, `tasks for ${task}`]);
  });

  it('is not used where there is no room', async () => {
    const { limits } = createGuard(0);
    const log = await founded();
    await expect((await createBus(log, limits))(createProject(uuidv7()))).rejects.toMatchObject({
      reason: 'plan-limit-reached',
    });
    expect(await log.head()).toBe(1n);
  });

  it('is not asked for what a rule refuses', async () => {
    const { limits, notes } = createGuard();
    const execute = await createBus(await founded(), limits);
    await expect(execute(createProject(uuidv7(), { by: uuidv7() }))).rejects.toMatchObject({ reason: 'not-found' });
    await expect(execute(createTask(uuidv7(), uuidv7()))).rejects.toMatchObject({ reason: 'not-found' });
    expect(notes).toEqual([]);
  });

  it('is given back where nothing was written', async () => {
    const { limits, notes } = createGuard();
    const log = await founded();
    jest.spyOn(log, 'append').mockRejectedValueOnce(new LogUnavailable('away'));
    await expect((await createBus(log, limits))(createProject(uuidv7()))).rejects.toThrow(LogUnavailable);
    expect(notes).toEqual([expect.any(String), 'released']);
  });

  it('is not used when its time is over, as after the process stood still', async () => {
    const { limits, notes } = createGuard(100, false);
    const log = await founded();
    await expect((await createBus(log, limits))(createProject(uuidv7()))).rejects.toThrow(LogUnavailable);
    expect(notes).toEqual([expect.any(String), 'released']);
    expect(await log.head()).toBe(1n);
  });

  it('is kept where it is not known whether something was written', async () => {
    const { limits, notes } = createGuard();
    const log = await founded();
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

  it('is taken by a restored project, and not by one that was never away', async () => {
    const { limits, notes } = createGuard();
    const log = await founded();
    const [execute, id, again] = [await createBus(log, limits), uuidv7(), uuidv7()];
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
    await restore(again);
    expect(notes).toEqual([`projects for ${id}`, `projects for ${again}`]);
  });
});
