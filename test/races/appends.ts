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

/** A version above every integer of PostgreSQL. PostgreSQL refuses the whole batch because of this one append. */
const POISON = 2 ** 40;
const MANY = 10_000;

export interface AppendsWorld {
  /** Two instances with separate connections to one log, as in two processes. */
  readonly logs: readonly [EventLog, EventLog];
  /** Cuts a connection after `at` bytes in one direction. */
  cut(at: number, direction: 'request' | 'answer'): void;
  /** The number of cuts so far. */
  readonly cuts: number;
  /** Ends the database sessions that append. */
  terminate(): Promise<void>;
  /** Removes the cuts that have not happened yet. */
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
  /** Repeats the command of an earlier append, from either process. */
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

/** An append and its answer. */
interface Call {
  readonly append: Append;
  readonly answer: AppendResult | Error;
}

/** Compares one answer with the log. @returns the error that was found; undefined if there was none */
const findWrongAnswer = (
  { append, answer }: Call,
  stored: readonly RecordedEvent[],
  calls: readonly Call[],
): string | undefined => {
  const { expected, events, commandId } = append;
  const others = calls.filter((it) => it.append.commandId === commandId);
  if (stored.length > 0 && stored.length !== events.length)
    return `${stored.length} of ${events.length} events are in the log`;
  if (expected === POISON) {
    if (!(answer instanceof InvalidAppend)) return `the answer to an invalid append was ${answer}`;
    return stored.length > 0 ? 'an invalid append is in the log' : undefined;
  }
  if (!(answer instanceof Error)) {
    const last = stored.at(-1);
    if (!last) return 'an acknowledged append is not in the log';
    if (last.version !== answer.version || last.position !== answer.position)
      return 'the answer has another version or position than the log';
    if (!answer.repeated && others.filter(({ answer: it }) => !(it instanceof Error) && !it.repeated).length > 1)
      return 'two answers to one command are not marked as repeats';
    return undefined;
  }
  if (answer instanceof AppendOutcomeUnknown) return undefined;
  if (answer instanceof WrongExpectedVersion && answer.actual === expected)
    return 'an append was refused although its expected version was right';
  if (!(answer instanceof WrongExpectedVersion) && !(answer instanceof LogUnavailable))
    return `the answer to a valid append was ${answer}`;
  const isOfOtherCall = others.some(({ answer: it }) => !(it instanceof Error) || it instanceof AppendOutcomeUnknown);
  return stored.length > 0 && !isOfOtherCall ? `an append in the log was answered with ${answer.name}` : undefined;
};

/** Checks the whole log. @returns the error that was found; undefined if there was none */
const findWrongEvent = (events: readonly RecordedEvent[], calls: readonly Call[]): string | undefined => {
  const commands = new Map(calls.map(({ append }) => [append.commandId, append]));
  const versions = new Map<string, number>();
  let before: RecordedEvent | undefined;
  for (const event of events) {
    const append = commands.get(event.commandId);
    if (!append) return 'the log has an event that was not appended';
    if (before && before.position >= event.position) return 'positions do not ascend';
    const version = versions.get(event.stream.id) ?? 0;
    if (event.version !== version + 1) return `version ${event.version} of a stream follows ${version}`;
    const begins = before?.commandId !== event.commandId;
    if (begins && append.expected !== 'any' && append.expected !== version)
      return 'an append does not follow its expected version';
    versions.set(event.stream.id, event.version);
    before = event;
  }
  return undefined;
};

const readAllEvents = async (log: EventLog, tenantId: string): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  for (let after = 0n; ; ) {
    const page = await log.readAll({ after, tenantId, limit: MANY });
    events.push(...page.events);
    if (page.caughtUp) return events;
    after = page.position;
  }
};

/**
 * Sends conflicting, repeated, huge and invalid appends from two processes at the same time, while connections are cut
 * at random bytes of either direction. Each caller must receive the right answer, and the log must contain what the
 * answers report.
 * @param wrap returns the log that the callers use; a test can put a bug into it
 * @returns the failure that was found; undefined if there was none
 */
export const checkConcurrentAppends = async (
  world: AppendsWorld,
  numRuns: number,
  wrap = (log: EventLog): Pick<EventLog, 'append'> => log,
): Promise<string | undefined> => {
  const logs = world.logs.map(wrap);
  const property = fc.asyncProperty(fc.array(anAct, { minLength: 5, maxLength: 60 }), async (acts) => {
    const tenantId = uuidv7();
    const streams = Array.from({ length: 4 }, () => ({ tenantId, aggregate: 'thing', id: uuidv7() }));
    const appends: Append[] = [];
    const pendingCalls: Promise<Call>[] = [];
    const call = (at: number, append: Append): void => {
      const answering = (logs[at] as EventLog).append(append).catch((error: Error) => error);
      pendingCalls.push(answering.then((answer) => ({ append, answer })));
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
    const calls = await Promise.all(pendingCalls);
    await world.heal();
    const events = await readAllEvents(world.logs[0], tenantId);
    const ofCommand = (id: string) => events.filter(({ commandId }) => commandId === id);
    const wrong = [
      findWrongEvent(events, calls),
      ...calls.map((one) => findWrongAnswer(one, ofCommand(one.append.commandId), calls)),
    ].find((it) => it !== undefined);
    if (wrong) throw new Error(wrong);
  });
  // A race rarely occurs again with a shorter sequence, so no shorter one is searched for.
  const details = await fc.check(property, { numRuns, endOnFailure: true });
  return details.failed ? `${fc.defaultReportMessage(details)}\n${details.errorInstance}` : undefined;
};
