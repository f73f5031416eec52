import { findInvalidMarks } from '#event-log/mark';
import { HistoryChanged } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { LeaseLost, whileHeld } from '#platform/lease/held-lease';
import { backoff, sleep } from '#platform/loops/backoff';
import { claim, type ReactionLease, ReactionLeaseLost, release } from '../checkpoint';
import { DEFAULTS, type ReactingOptions, type Settled } from '../options';
import type { Reaction } from '../reaction';
import { follow } from './follow';

/** After so many ms without a failure the next one is a first one. */
const WELL_MS = 10_000;

/**
 * Answers events for as long as this worker can. Any number of workers may run it: one has the lease, the others stand by
 * and take over when it is given back or ends.
 */
export const runReaction = async (reaction: Reaction, given: ReactingOptions): Promise<void> => {
  const options: Settled = { ...DEFAULTS, ...given };
  const { pool, logger, signal, leaseMs } = options;
  let held: string | undefined;
  let failures = 0;
  let misfit: string | undefined;
  while (!signal.aborted) {
    const began = performance.now();
    const lease: ReactionLease = { reaction: reaction.name, token: uuidv7(), leaseMs };
    // From before the checkpoint is read: what is read of one history must not continue in another.
    const changed = new AbortController();
    const stopListening = options.log.onHistoryChange(() => changed.abort());
    try {
      const from = await claim(pool, lease, held);
      const before = misfit;
      misfit = from && (await findInvalidMarks(options.log, [{ ...from, name: reaction.name }])).get(reaction.name);
      if (misfit !== undefined && misfit !== before) {
        logger.error(
          { reaction: reaction.name, reason: misfit },
          'the reaction does not match the log and has stopped; reset it to a position of the log',
        );
      }
      if (from !== undefined) held = lease.token;
      if (from !== undefined && misfit === undefined) {
        const { logId } = await options.log.identity();
        const history = AbortSignal.any([signal, changed.signal]);
        const work = follow(reaction, lease, from, logId, { ...options, signal: history });
        await whileHeld({ leaseMs, renew: work.renew }, work.until);
      }
      if (changed.signal.aborted) continue;
      await sleep((leaseMs / 10) * (0.5 + Math.random()), signal);
    } catch (error) {
      if (error instanceof ReactionLeaseLost || error instanceof LeaseLost || error instanceof HistoryChanged) continue;
      failures = performance.now() - began > WELL_MS ? 1 : failures + 1;
      if (!signal.aborted)
        logger.warn({ err: error, reaction: reaction.name }, 'the reaction stopped and is started again');
      await sleep(backoff(failures, { firstMs: 50, maxMs: 2_000 }), signal);
    } finally {
      stopListening();
    }
  }
  if (held) await release(pool, { reaction: reaction.name, token: held }).catch(() => {});
};
