import { randomUUID } from 'node:crypto';
import { uuidv7 } from '#platform/ids/uuid';
import type { Append, EventLog, EventToAppend, Page, Position, RecordedEvent, Subscribe } from '../port';
import type { StreamId } from '../stream-id';
import type { Upcasters } from '../upcasting';

/** One implementation, opened on a store that may hold other data and other writers. */
export interface ContractFixture {
  readonly log: EventLog;
  /** A second instance on the same store that shares no memory with the first, as in another process. */
  reopen?(options?: { readonly upcasters?: Upcasters }): Promise<EventLog>;
  /** Cuts the connections of every instance at the server's side. */
  breakConnections?(): Promise<void>;
  close(): Promise<void>;
}

/** What each part of the suite is given: the fixture that `beforeAll` has opened. */
export type Opened = () => ContractFixture;

export const aStream = (tenantId: string | null = randomUUID(), aggregate = 'thing'): StreamId => ({
  tenantId,
  aggregate,
  id: randomUUID(),
});

export const facts = (count: number, type = 'ThingHappened'): EventToAppend[] =>
  Array.from({ length: count }, (_, n) => ({ type, data: { n } }));

/** An append that is valid as it is; what a test is about, it says. */
export const anAppend = (said: Partial<Append> = {}): Append => ({
  stream: aStream(),
  expected: 0,
  events: facts(1),
  commandId: uuidv7(),
  actor: { kind: 'system' },
  correlationId: randomUUID(),
  ...said,
});

export const ids = (events: readonly RecordedEvent[]): string[] => events.map(({ id }) => id);
export const versions = (events: readonly RecordedEvent[]): number[] => events.map(({ version }) => version);
export const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

/** Every field of the port, for comparing: an implementation may make a field when it is asked for. */
export const fields = (event: RecordedEvent): RecordedEvent => {
  const { id, stream, version, position, type, data, commandId, actor, correlationId, causationId } = event;
  const { schemaVersion, recordedAt } = event;
  return {
    ...{ id, stream, version, position, type, data, commandId, actor, correlationId, causationId },
    ...{ schemaVersion, recordedAt },
  };
};

export const expectAscending = (events: readonly RecordedEvent[]): void => {
  for (let i = 1; i < events.length; i++) {
    const [before, after] = [events[i - 1] as RecordedEvent, events[i] as RecordedEvent];
    expect(after.position > before.position).toBe(true);
  }
};

/** Every event of the tenant, by pages. */
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

/** Takes pages until the predicate holds for what has come so far, then ends the subscription. */
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

/** The value, or the error, so that a test can look at every outcome of many calls. */
export const settle = async <T>(calls: readonly Promise<T>[]): Promise<{ won: T[]; lost: unknown[] }> => {
  const outcomes = await Promise.allSettled(calls);
  const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  return { won, lost };
};

/** Runs the body with a second instance, which it closes; skips nothing: the caller has checked that there is one. */
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
