import { sleep } from '#platform/loops/backoff';
import type { FailingCheck } from '#platform/readiness/check';
import type { Phase } from '#platform/readiness/phase';
import type { Readiness } from '#platform/readiness/readiness';

export interface WaitUntilReady {
  readonly readiness: Pick<Readiness, 'refresh'>;
  readonly isStopping: () => boolean;
  /** Called once, if the process is not ready after `reportAfterMs`. */
  readonly onNotReady: (failing: readonly FailingCheck[]) => void;
  /** ms; 30,000 by default: services that start at the same time as this process may take a while. */
  readonly reportAfterMs?: number;
}

/** ms between two rounds of checks. */
const POLL_MS = 200;

/** Resolves once every readiness check passes, or the process is stopping. */
export const waitUntilReady = async (options: WaitUntilReady): Promise<void> => {
  const { readiness, isStopping, onNotReady, reportAfterMs = 30_000 } = options;
  const began = performance.now();
  for (let isReported = false; !isStopping(); await sleep(POLL_MS)) {
    const failing = await readiness.refresh();
    if (failing.length === 0) return;
    if (isReported || performance.now() - began < reportAfterMs || isStopping()) continue;
    isReported = true;
    onNotReady(failing);
  }
};

export interface AnnounceStop {
  readonly readiness: Pick<Readiness, 'add'>;
  readonly phase: Phase;
  /** ms for which requests are still served, see SHUTDOWN_NOTICE_MS. */
  readonly noticeMs: number;
}

/** Makes `/readyz` answer 503, and resolves after `noticeMs`, when load balancers have noticed it. */
export const announceStop = async ({ readiness, phase, noticeMs }: AnnounceStop): Promise<void> => {
  phase.stopping();
  // Adding a check again discards the last result of the readiness checks.
  readiness.add(phase.check);
  if (noticeMs > 0) await sleep(noticeMs);
};
