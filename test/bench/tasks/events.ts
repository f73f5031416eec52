import type { Append } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';

/** The number of bytes of the JSON data of every event of the benchmark. */
export const DATA_BYTES = 200;

export type TaskAdded = {
  readonly type: 'TaskAdded';
  readonly data: {
    readonly projectId: string;
    readonly assigneeId: string;
    readonly title: string;
    readonly note: string;
  };
};
export type TaskMoved = {
  readonly type: 'TaskMoved';
  readonly data: { readonly state: string; readonly note: string };
};
export type TaskEvent = TaskAdded | TaskMoved;

/** Realistic text: repeated letters would be compressed to almost nothing. */
export const PROSE =
  'Ask the customer which of the two invoices is meant, attach the signed order, and tell sales by Friday noon; the ' +
  'second reminder went out on the 14th and nobody has answered it since.';

/** The data with a note that fills it up to {@link DATA_BYTES}. */
const padded = <T extends object>(data: T): T & { note: string } => ({
  ...data,
  note: PROSE.slice(0, DATA_BYTES - JSON.stringify({ ...data, note: '' }).length),
});

/** The id of the tenant with this number, the same in every process. */
export const tenantId = (at: number): string => `01930000-0000-7000-8000-${at.toString(16).padStart(12, '0')}`;

/** An append of one event to a new stream, with the metadata of a real request. */
export const appendTask = (tenant: string): Append => {
  const commandId = uuidv7();
  const user = tenant.replace('01930000', '01940000');
  return {
    stream: { tenantId: tenant, aggregate: 'task', id: uuidv7() },
    expected: 0,
    events: [
      {
        type: 'TaskAdded',
        data: padded({ projectId: tenant, assigneeId: user, title: 'Write down what is known' }),
      },
    ],
    commandId,
    actor: { kind: 'user', id: user },
    correlationId: commandId,
    accessId: tenant.replace('01930000', '01950000'),
  };
};
