import { randomUUID } from 'node:crypto';
import { uuidv7 } from '#platform/ids/uuid';
import type { Append, EventLog, EventToAppend, Page, Position, RecordedEvent, Subscribe } from '../port';
import type { StreamId } from '../stream-id';
import type { Upcasters } from '../upcasting';

/** One implementation, opened on a store that may hold other data and have other writers. */
export interface ContractFixture {
  readonly log: EventLog;
  /** Opens a second instance on the same store. It shares no memory with the first one, like another process. */
  reopen?(options?: { readonly upcasters?: Upcasters }): Promise<EventLog>;
  /** Cuts the connections of every instance from the side of the server. */
  breakConnections?(): Promise<void>;
  close(): Promise<void>;
}

/** Returns the fixture that `beforeAll` has opened. */
export type Opened = () => ContractFixture;

export const aStream = (tenantId: string | null = randomUUID(), aggregate = 'thing'): StreamId => ({
  tenantId,
  aggregate,
  id: randomUUID(),
});

export const facts = (count: number, type = 'ThingHappened'): EventToAppend[] =>
  Array.from({ length: count }, (_, n) => ({ type, data: { n } }));

/** A valid append of one event to a new stream. @param overrides the fields that matter for the test */
export const anAppend = (overrides: Partial<Append> = {}): Append => ({
  stream: aStream(),
  expected: 0,
  events: facts(1),
  commandId: uuidv7(),
  actor: { kind: 'system' },
  correlationId: randomUUID(),
  ...overrides,
});

export const ids = (events: readonly RecordedEvent[]): string[] => events.map(({ id }) => id);
export const versions = (events: readonly RecordedEvent[]): number[] => events.map(({ version }) => version);
export const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

/** Copies every field of an event, for comparisons: an implementation may compute a field only when it is read. */
export const fields = (event: RecordedEvent): RecordedEvent => {
  const { id, stream, version, position, type, data, commandId, actor, correlationId, causationId } = event;
  const { accessId, schemaVersion, recordedAt } = event;
  return {
    ...{ id, stream, version, position, type, data, commandId, actor, correlationId, causationId },
    ...{ accessId, schemaVersion, recordedAt },
  };
};

export const expectAscending = (events: readonly RecordedEvent[]): void => {
  for (let i = 1; i < events.length; i++) {
    const [before, after] = [events[i - 1] as RecordedEvent, events[i] as RecordedEvent];
    expect(after.position > before.position).toBe(true);
  }
};

/** Every event of the tenant, read by pages. @param limit the size of the pages */
export const allOf = async (log: EventLog, tenantId: string, limit = 1_000): Promise<RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  let after: Position = 0n;
  for (;;) {
    const page = await log.readAll({ after, limit, tenantId });
    events.push(...page.events);
    expect(page.position >= after).toBe(true);
    if (page.caughtUp) return events;
    after = page.position;
  }
};

/** Reads pages of a subscription until `enough` returns true, then ends the subscription. */
export const follow = async (
  log: EventLog,
  options: Subscribe,
  enough: (events: readonly RecordedEvent[], page: Page) => boolean,
): Promise<{ events: RecordedEvent[]; pages: Page[] }> => {
  const events: RecordedEvent[] = [];
  const pages: Page[] = [];
  for await (const page of log.subscribe(options)) {
    pages.push(page);
    events.push(...page.events);
    if (enough(events, page)) break;
  }
  return { events, pages };
};

export const caughtUp = (_: readonly RecordedEvent[], page: Page): boolean => page.caughtUp;

/**
 * Waits for all calls, and returns the values of those that succeeded (`won`) and the errors of the others (`lost`).
 */
export const settle = async <T>(calls: readonly Promise<T>[]): Promise<{ won: T[]; lost: unknown[] }> => {
  const outcomes = await Promise.allSettled(calls);
  const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  return { won, lost };
};

/** Runs the body with a second instance and closes the instance. Without `reopen` in the fixture it does nothing. */
export const withSecond = async (
  fixture: ContractFixture,
  body: (second: EventLog) => Promise<void>,
  options?: { readonly upcasters?: Upcasters },
): Promise<void> => {
  if (!fixture.reopen) return;
  const second = await fixture.reopen(options);
  try {
    await body(second);
  } finally {
    await second.close();
  }
};
