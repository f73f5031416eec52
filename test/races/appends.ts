import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Client } from 'pg';
import {
  type Append,
  AppendOutcomeUnknown,
  type AppendResult,
  type EventLog,
  InvalidAppend,
  LogUnavailable,
  type RecordedEvent,
  WrongExpectedVersion,
} from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { uuidv7 } from '#platform/ids/uuid';
import { createTestDatabase } from '#testing/database';
import { databaseTarget, startProxy } from '../support/tcp-proxy';

/** A version that no integer of PostgreSQL holds: it refuses the whole batch, and means this one. */
const POISON = 2 ** 40;
const MANY = 10_000;

export interface AppendsWorld {
  /** Two instances, as of two processes, with connections of their own to the same log. */
  readonly logs: readonly [EventLog, EventLog];
  cut(at: number, direction: 'request' | 'answer'): void;
  /** How many cuts have happened. */
  readonly cuts: number;
  terminate(): Promise<void>;
  /** Nothing is cut any more. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export const openAppends = async (): Promise<AppendsWorld> => {
  const database = await createTestDatabase();
  const proxy = await startProxy(databaseTarget(database.urls.log));
  const connectionString = proxy.through(database.urls.log);
  const logs = [1, 2].map(() => createPostgresEventLog({ connectionString, pollMs: 20 })) as [EventLog, EventLog];
  const owner = new Client({ connectionString: database.urls.owner });
  await owner.connect();
  return {
    logs,
    cut: (at, direction) => proxy.cut({ at, direction }),
    get cuts() {
      return proxy.cuts;
    },
    terminate: async () => {
      await owner.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'tenantry-append'`,
      );
    },
    heal: () => proxy.heal(),
    close: async () => {
      await Promise.all(logs.map((log) => log.close()));
      await owner.end();
      await proxy.close();
      await database.drop();
    },
  };
};

const anAct = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      log: fc.nat(1),
      stream: fc.nat(3),
      expected: fc.oneof(fc.constant('any' as const), fc.nat(6)),
      events: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) },
        { weight: 1, arbitrary: fc.constant(500) },
      ),
      poison: fc.nat(9).map((it) => it === 0),
    }),
  },
  /** The command of an earlier one again, from either process. */
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('repeat' as const), log: fc.nat(1), back: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      at: fc.nat(6_000),
      direction: fc.constantFrom('request' as const, 'answer' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('terminate' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(5) }) },
);

interface Call {
  readonly append: Append;
  readonly answer: AppendResult | Error;
}

/** What one caller was told, held against the log. */
const wrongOf = (
  { append, answer }: Call,
  stored: readonly RecordedEvent[],
  calls: readonly Call[],
): string | undefined => {
  const { expected, events, commandId } = append;
  const others = calls.filter((it) => it.append.commandId === commandId);
  if (stored.length > 0 && stored.length !== events.length)
    return `${stored.length} of ${events.length} events are there`;
  if (expected === POISON) {
    if (!(answer instanceof InvalidAppend)) return `poison was answered ${answer}`;
    return stored.length > 0 ? 'poison is in the log' : undefined;
  }
  if (!(answer instanceof Error)) {
    const last = stored.at(-1);
    if (!last) return 'it was acknowledged and is not in the log';
    if (last.version !== answer.version || last.position !== answer.position) return 'it is elsewhere than was said';
    if (!answer.repeated && others.filter(({ answer: it }) => !(it instanceof Error) && !it.repeated).length > 1)
      return 'two callers were told that it was theirs';
    return undefined;
  }
  if (answer instanceof AppendOutcomeUnknown) return undefined;
  if (answer instanceof WrongExpectedVersion && answer.actual === expected)
    return 'it was refused the version it expected';
  if (!(answer instanceof WrongExpectedVersion) && !(answer instanceof LogUnavailable))
    return `it was answered ${answer}`;
  const elsewhere = others.some(({ answer: it }) => !(it instanceof Error) || it instanceof AppendOutcomeUnknown);
  return stored.length > 0 && !elsewhere ? `it is in the log and was told ${answer.name}` : undefined;
};

const wrongInLog = (events: readonly RecordedEvent[], calls: readonly Call[]): string | undefined => {
  const commands = new Map(calls.map(({ append }) => [append.commandId, append]));
  const versions = new Map<string, number>();
  let before: RecordedEvent | undefined;
  for (const event of events) {
    const append = commands.get(event.commandId);
    if (!append) return 'an event is there that nobody appended';
    if (before && before.position >= event.position) return 'positions do not ascend';
    const version = versions.get(event.stream.id) ?? 0;
    if (event.version !== version + 1) return `version ${event.version} of a stream follows ${version}`;
    const begins = before?.commandId !== event.commandId;
    if (begins && append.expected !== 'any' && append.expected !== version)
      return 'it did not stand on what it expected';
    versions.set(event.stream.id, event.version);
    before = event;
  }
  return undefined;
};

const everything = async (log: EventLog, tenantId: string): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  for (let after = 0n; ; ) {
    const page = await log.readAll({ after, tenantId, limit: MANY });
    events.push(...page.events);
    if (page.caughtUp) return events;
    after = page.position;
  }
};

/**
 * Conflicting, repeated, huge and poisoned appends from two processes at the same time, while connections are cut at any
 * byte of either direction: each caller gets its own right answer, and the log is what the answers say.
 * @param between stands between the callers and the log: the place for a bug
 * @returns what was found; undefined where nothing was
 */
export const appendsOfMany = async (
  world: AppendsWorld,
  numRuns: number,
  between = (log: EventLog): Pick<EventLog, 'append'> => log,
): Promise<string | undefined> => {
  const logs = world.logs.map(between);
  const property = fc.asyncProperty(fc.array(anAct, { minLength: 5, maxLength: 60 }), async (acts) => {
    const tenantId = uuidv7();
    const streams = Array.from({ length: 4 }, () => ({ tenantId, aggregate: 'thing', id: uuidv7() }));
    const appends: Append[] = [];
    const calling: Promise<Call>[] = [];
    const call = (at: number, append: Append): void => {
      const answering = (logs[at] as EventLog).append(append).catch((error: Error) => error);
      calling.push(answering.then((answer) => ({ append, answer })));
    };
    for (const act of acts) {
      if (act.do === 'append') {
        const append: Append = {
          stream: streams[act.stream] as Append['stream'],
          expected: act.poison ? POISON : act.expected,
          events: Array.from({ length: act.events }, (_, n) => ({ type: 'Happened', data: { n } })),
          commandId: uuidv7(),
          actor: { kind: 'system' },
          correlationId: 'race',
        };
        appends.push(append);
        call(act.log, append);
      } else if (act.do === 'repeat') {
        const earlier = appends.at(-act.back);
        if (earlier) call(act.log, earlier);
      } else if (act.do === 'cut') world.cut(act.at, act.direction);
      else if (act.do === 'terminate') await world.terminate();
      else await sleep(act.ms);
    }
    const calls = await Promise.all(calling);
    await world.heal();
    const events = await everything(world.logs[0], tenantId);
    const ofCommand = (id: string) => events.filter(({ commandId }) => commandId === id);
    const wrong = [
      wrongInLog(events, calls),
      ...calls.map((one) => wrongOf(one, ofCommand(one.append.commandId), calls)),
    ].find((it) => it !== undefined);
    if (wrong) throw new Error(wrong);
  });
  // A race does not come back for a shorter script.
  const details = await fc.check(property, { numRuns, endOnFailure: true });
  return details.failed ? `${fc.defaultReportMessage(details)}\n${details.errorInstance}` : undefined;
};
