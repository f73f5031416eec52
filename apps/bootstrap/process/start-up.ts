import { sleep } from '#platform/loops/backoff';
import type { FailingCheck } from '#platform/readiness/check';
import type { Phase } from '#platform/readiness/phase';
import type { Readiness } from '#platform/readiness/readiness';

export interface WaitUntilReady {
  readonly readiness: Pick<Readiness, 'refresh'>;
  readonly isStopping: () => boolean;
  /** Called once, where the process is not ready after `patienceMs`. */
  readonly onNotReady: (failing: readonly FailingCheck[]) => void;
  /** ms; 30,000 by default: what is started together with this process may take a while. */
  readonly patienceMs?: number;
}

/** ms between two looks. */
const LOOK_MS = 200;

/** Resolves once every readiness check passes, or the process stops. */
export const waitUntilReady = async (options: WaitUntilReady): Promise<void> => {
  const { readiness, isStopping, onNotReady, patienceMs = 30_000 } = options;
  const began = performance.now();
  for (let isReported = false; !isStopping(); await sleep(LOOK_MS)) {
    const failing = await readiness.refresh();
    if (failing.length === 0) return;
    if (isReported || performance.now() - began < patienceMs || isStopping()) continue;
    isReported = true;
    onNotReady(failing);
  }
};

export interface AnnounceStop {
  readonly readiness: Pick<Readiness, 'add'>;
  readonly phase: Phase;
  /** ms during which everything is served as before. */
  readonly noticeMs: number;
}

/** From now on `/readyz` answers 503; resolves when load balancers have had the time to see it. */
export const announceStop = async ({ readiness, phase, noticeMs }: AnnounceStop): Promise<void> => {
  phase.stopping();
  // Added again, no earlier result is used any more.
  readiness.add(phase.check);
  if (noticeMs > 0) await sleep(noticeMs);
};
