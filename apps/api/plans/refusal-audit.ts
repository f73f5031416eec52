import type { OperationRefused } from '#domain/refusals/events';
import type { EventLog } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import type { Logger } from '#platform/logging/logger.port';
import type { Problem } from '#platform/problems';
import type { RefusedRequest } from '../http/contract/refused-request';

/** ms for which the same refusal of the same user is only counted: anyone who insists fills no log. */
const QUIET_MS = 60_000;
/** How often in that time it is looked what is over. */
const LOOKS = 12;
/** Refusals that are remembered to be the same; beyond them nothing is recorded until some are over. */
const CAPACITY = 10_000;

const RECORDED: ReadonlySet<string> = new Set(['plan-limit-reached', 'feature-not-in-plan', 'workspace-locked']);

interface Quiet {
  readonly until: number;
  /** Refusals since it was recorded. */
  times: number;
  /** The last of them. */
  last: readonly [RefusedRequest, Problem];
}

export interface RefusalAuditDeps {
  readonly log: EventLog;
  readonly logger: Logger;
  /** A minute by default. */
  readonly quietMs?: number;
  /** ms on a clock that is never set back. */
  readonly now?: () => number;
}

/**
 * Records for the audit what plans and locks refuse, beside the answer and never in its way: the first of its kind in a
 * minute at once, the others as their number when the minute is over.
 */
export const createRefusalAudit = ({
  log,
  logger,
  quietMs = QUIET_MS,
  now = () => performance.now(),
}: RefusalAuditDeps) => {
  const quiet = new Map<string, Quiet>();
  const recording = new Set<Promise<void>>();

  const append = async (
    { tenantId, userId, operation, requestId }: RefusedRequest,
    problem: Problem,
    times: number,
  ) => {
    const { members = {} } = problem.details;
    const text = (name: string): string | null => (typeof members[name] === 'string' ? String(members[name]) : null);
    const number = (name: string): number | null => (typeof members[name] === 'number' ? Number(members[name]) : null);
    const event: OperationRefused = {
      type: 'OperationRefused',
      data: {
        problem: problem.problem,
        resource: text('resource') ?? text('feature'),
        ...{ limit: number('limit'), used: number('used'), plan: text('plan') },
        ...{ operation, by: userId, times },
      },
    };
    await log.append({
      stream: { tenantId, aggregate: 'refusals', id: tenantId },
      expected: 'any',
      events: [event],
      commandId: uuidv7(),
      actor: userId === null ? { kind: 'system' } : { kind: 'user', id: userId },
      correlationId: requestId,
    });
  };

  const record = (refused: RefusedRequest, problem: Problem, times: number): void => {
    const one = append(refused, problem, times)
      .catch((error: unknown) => logger.warn({ err: error }, 'a refusal could not be stored for the audit'))
      .finally(() => recording.delete(one));
    recording.add(one);
  };

  /** Records how often it came again, and forgets it. */
  const end = (key: string, { times, last: [refused, problem] }: Quiet): void => {
    quiet.delete(key);
    if (times > 0) record(refused, problem, times);
  };
  const endThoseBefore = (moment: number): void => {
    for (const [key, one] of quiet) if (one.until <= moment) end(key, one);
  };

  const timer = setInterval(() => endThoseBefore(now()), quietMs / LOOKS);
  timer.unref();

  return {
    note: (refused: RefusedRequest, problem: Problem): void => {
      if (!RECORDED.has(problem.problem)) return;
      const { resource = '', feature = '' } = problem.details.members ?? {};
      const key = `${refused.tenantId} ${refused.userId} ${problem.problem} ${resource}${feature}`;
      const moment = now();
      const same = quiet.get(key);
      if (same && same.until > moment) {
        same.times += 1;
        same.last = [refused, problem];
        return;
      }
      if (same) end(key, same);
      if (quiet.size >= CAPACITY) endThoseBefore(moment);
      if (quiet.size >= CAPACITY) return;
      quiet.set(key, { until: moment + quietMs, times: 0, last: [refused, problem] });
      record(refused, problem, 1);
    },
    /** Records what was only counted so far, and waits until all of it is in the log. */
    close: async (): Promise<void> => {
      clearInterval(timer);
      endThoseBefore(Number.POSITIVE_INFINITY);
      await Promise.all(recording);
    },
  };
};

export type RefusalAudit = ReturnType<typeof createRefusalAudit>;
