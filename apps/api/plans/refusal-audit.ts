import type { AccessRecords } from '#access/access-records';
import type { OperationRefused } from '#domain/refusals/events';
import type { EventLog } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import type { Logger } from '#platform/logging/logger.port';
import type { Problem } from '#platform/problems';
import type { RefusedRequest } from '../http/contract/refused-request';

/** ms for which repeats of the same refusal of the same user are only counted, so that they cannot fill the log. */
const QUIET_MS = 60_000;
/** Number of checks in that time whether the time of a refusal has ended. */
const CHECKS = 12;
/**
 * Maximum number of different refusals in memory. Beyond it further ones are not recorded until the time of some has
 * ended.
 */
const CAPACITY = 10_000;

/** The recorded problems of members. */
const RECORDED: ReadonlySet<string> = new Set(['plan-limit-reached', 'feature-not-in-plan', 'workspace-locked']);
/** The recorded problems of users who want to join: also an address of another domain, and a link that is used up. */
const RECORDED_JOINS: ReadonlySet<string> = new Set([...RECORDED, 'forbidden', 'not-found']);

/** A refusal that was recorded, and whose repeats are counted. */
interface RecentRefusal {
  readonly until: number;
  /** Number of repeats. */
  times: number;
  /** The last repeat. */
  last: readonly [RefusedRequest, Problem];
}

export interface RefusalAuditDeps {
  readonly log: EventLog;
  readonly accessRecords: Pick<AccessRecords, 'find'>;
  readonly logger: Logger;
  /** A minute by default. */
  readonly quietMs?: number;
  /** ms on a clock that is never set back. */
  readonly now?: () => number;
}

/**
 * Records the refusals of plans, locks and invitations for the audit, without delaying the answers. The first refusal of
 * a kind is recorded at once, and its repeats within a minute are recorded as a number at the end of that minute.
 */
export const createRefusalAudit = ({
  log,
  accessRecords,
  logger,
  quietMs = QUIET_MS,
  now = () => performance.now(),
}: RefusalAuditDeps) => {
  const recent = new Map<string, RecentRefusal>();
  const recording = new Set<Promise<void>>();

  const append = async (
    { tenantId, userId, access, operation, requestId }: RefusedRequest,
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
    const found = access && accessRecords.find(access, userId);
    const accessId = typeof found === 'object' ? await found : found;
    await log.append({
      stream: { tenantId, aggregate: 'refusals', id: tenantId },
      expected: 'any',
      events: [event],
      commandId: uuidv7(),
      actor: userId === null ? { kind: 'system' } : { kind: 'user', id: userId },
      correlationId: requestId,
      ...(accessId !== undefined && { accessId }),
    });
  };

  const record = (refused: RefusedRequest, problem: Problem, times: number): void => {
    const one = append(refused, problem, times)
      .catch((error: unknown) => logger.warn({ err: error }, 'a refusal could not be stored for the audit'))
      .finally(() => recording.delete(one));
    recording.add(one);
  };

  /** Records the number of repeats, if there were any, and forgets the refusal. */
  const end = (key: string, { times, last: [refused, problem] }: RecentRefusal): void => {
    recent.delete(key);
    if (times > 0) record(refused, problem, times);
  };
  const endExpired = (time: number): void => {
    for (const [key, refusal] of recent) if (refusal.until <= time) end(key, refusal);
  };

  const timer = setInterval(() => endExpired(now()), quietMs / CHECKS);
  timer.unref();

  return {
    /** Records or counts a refusal. Problems of other types are ignored. Never throws because of the log. */
    note: (refused: RefusedRequest, problem: Problem): void => {
      if (!(refused.userId === null ? RECORDED_JOINS : RECORDED).has(problem.problem)) return;
      const { resource = '', feature = '' } = problem.details.members ?? {};
      const key = `${refused.tenantId} ${refused.userId} ${problem.problem} ${resource}${feature}`;
      const time = now();
      const same = recent.get(key);
      if (same && same.until > time) {
        same.times += 1;
        same.last = [refused, problem];
        return;
      }
      if (same) end(key, same);
      if (recent.size >= CAPACITY) endExpired(time);
      if (recent.size >= CAPACITY) return;
      recent.set(key, { until: time + quietMs, times: 0, last: [refused, problem] });
      record(refused, problem, 1);
    },
    /** Records the repeats that were only counted so far, and waits until every record is in the log. */
    close: async (): Promise<void> => {
      clearInterval(timer);
      endExpired(Number.POSITIVE_INFINITY);
      await Promise.all(recording);
    },
  };
};

export type RefusalAudit = ReturnType<typeof createRefusalAudit>;
