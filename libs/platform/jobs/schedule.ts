import type { Queue } from 'bullmq';
import { sleep } from '../backoff';
import { uuidv7 } from '../ids/uuid';
import type { Health } from './health';
import type { Handler } from './port';

/** Where a queue keeps when its schedule has last run: the start of that slot, in ms since 1970. */
const RAN = 'ran';
/** ms between two tries to offer a run, and at most between two looks at the clock. */
const AGAIN_MS = 1_000;
const LOOK_MS = 60_000;
/** Runs that are kept when they are done, so that the dashboard shows that there were any. */
const KEPT = { count: 20 };
/** A run that takes longer counts as failed. */
export const RUN_TIMEOUT_MS = 900_000;

export interface Run {
  /** The start of the slot that it was offered for. */
  readonly slot: number;
}

/**
 * Time is cut into slots of `everyMs`, the same ones in every process, and every process offers a run in each. Only one
 * offer can wait or run at a time, and one for a slot that has had its run is passed over. Nothing is lost with a
 * process or a queue's contents: the next slot is offered by whoever is there.
 */
export const createSchedule = (queue: Queue, everyMs: number) => {
  const slotAt = (ms: number): number => Math.floor(ms / everyMs) * everyMs;
  const hasRun = async (slot: number): Promise<boolean> =>
    Number((await queue.getBackend().getQueueMetaField(RAN)) ?? 0) >= slot;

  const offer = async (slot: number): Promise<void> => {
    if (await hasRun(slot)) return;
    const opts = { jobId: uuidv7(), deduplication: { id: 'run' }, removeOnComplete: KEPT };
    await queue.addBulk([{ name: 'run', data: { slot }, opts }]);
  };

  return {
    handler:
      (run: (signal: AbortSignal) => Promise<void>): Handler<Run> =>
      async ({ slot }, signal) => {
        if (await hasRun(slot)) return;
        const covered = Math.max(slot, slotAt(Date.now()));
        try {
          await run(signal);
        } finally {
          await queue.getBackend().setQueueMeta({ [RAN]: covered });
        }
      },
    /** Offers runs until the signal aborts. */
    keep: async (health: Health, signal: AbortSignal): Promise<void> => {
      for (let offered = -1; !signal.aborted; ) {
        const slot = slotAt(Date.now());
        try {
          if (slot !== offered) await offer(slot);
          offered = slot;
          await sleep(Math.min(LOOK_MS, Math.max(1, slot + everyMs - Date.now())), signal);
        } catch (error) {
          health.failed(error);
          await sleep(AGAIN_MS, signal);
        }
      }
    },
  };
};
