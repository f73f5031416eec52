import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { uuidv7 } from '#platform/ids/uuid';

/** Appends at the same time. */
const AT_ONCE = 1_000;

/** Appends tasks to the log of a tenant, so that a rebuild of the read model takes long enough to be interrupted. */
export const appendTasks = async (databaseUrl: string, tenantId: string, count: number): Promise<void> => {
  const log = createPostgresEventLog({ connectionString: databaseUrl });
  const projectId = uuidv7();
  const append = (number: number): Promise<unknown> =>
    log.append({
      stream: { tenantId, aggregate: 'task', id: uuidv7() },
      expected: 0,
      events: [
        {
          type: 'TaskCreated',
          data: { projectId, title: `Task ${number}`, description: '', assigneeId: null, dueOn: null },
        },
      ],
      commandId: uuidv7(),
      actor: { kind: 'system' },
      correlationId: 'test',
    });
  try {
    for (let from = 0; from < count; from += AT_ONCE) {
      const size = Math.min(AT_ONCE, count - from);
      await Promise.all(Array.from({ length: size }, (_, at) => append(from + at)));
    }
  } finally {
    await log.close();
  }
};
