import type { OperationRefused } from '../../../libs/domain/refusals/events';
import type { EventLog } from '../../../libs/event-log/port';
import { uuidv7 } from '../../../libs/platform/ids/uuid';
import type { Logger } from '../../../libs/platform/logger.port';
import type { Problem } from '../../../libs/platform/problems';
import type { Refused } from '../http/refused';

/** ms for which the same refusal of the same person is only counted: whoever insists fills no log. */
const QUIET_MS = 60_000;
/** Refusals that are remembered to be the same; beyond them nothing is recorded until some are over. */
const CAPACITY = 10_000;

const RECORDED: ReadonlySet<string> = new Set(['plan-limit-reached', 'feature-not-in-plan', 'workspace-locked']);

/**
 * Records for the audit what plans and locks refuse, beside the answer and never in its way: the first of its kind in a
 * minute at once, the others as their number.
 */
export const createRefusals = ({ log, logger }: { readonly log: EventLog; readonly logger: Logger }) => {
  const quiet = new Map<string, { until: number; times: number }>();

  const record = async ({ tenantId, personId, operation, requestId }: Refused, problem: Problem, times: number) => {
    const { members = {} } = problem.details;
    const text = (name: string): string | null => (typeof members[name] === 'string' ? String(members[name]) : null);
    const number = (name: string): number | null => (typeof members[name] === 'number' ? Number(members[name]) : null);
    const event: OperationRefused = {
      type: 'OperationRefused',
      data: {
        problem: problem.problem,
        resource: text('resource') ?? text('feature'),
        ...{ limit: number('limit'), used: number('used'), plan: text('plan') },
        ...{ operation, by: personId, times },
      },
    };
    await log.append({
      stream: { tenantId, aggregate: 'refusals', id: tenantId },
      expected: 'any',
      events: [event],
      commandId: uuidv7(),
      actor: { kind: 'person', id: personId },
      correlationId: requestId,
    });
  };

  return {
    note: (refused: Refused, problem: Problem): void => {
      if (!RECORDED.has(problem.problem)) return;
      const { resource = '', feature = '' } = problem.details.members ?? {};
      const key = `${refused.tenantId} ${refused.personId} ${problem.problem} ${resource}${feature}`;
      const now = performance.now();
      const same = quiet.get(key);
      if (same && same.until > now) {
        same.times += 1;
        return;
      }
      if (quiet.size >= CAPACITY) for (const [it, { until }] of quiet) if (until <= now) quiet.delete(it);
      if (quiet.size >= CAPACITY) return;
      quiet.set(key, { until: now + QUIET_MS, times: 0 });
      record(refused, problem, (same?.times ?? 0) + 1).catch((error: unknown) =>
        logger.warn({ err: error }, 'a refusal could not be recorded for the audit'),
      );
    },
  };
};

export type Refusals = ReturnType<typeof createRefusals>;
