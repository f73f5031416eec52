import { findInvalidMarks } from '#event-log/mark';
import { HistoryChanged } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { LeaseLost, withLease } from '#platform/lease/held-lease';
import { backoff, sleep } from '#platform/loops/backoff';
import { claim, type ReactionLease, ReactionLeaseLost, release } from '../checkpoint';
import { type CompleteOptions, DEFAULTS, type ReactingOptions } from '../options';
import type { Reaction } from '../reaction';
import { follow } from './follow';

/** ms without a failure after which the next failure counts as the first. */
const STABLE_MS = 10_000;

/**
 * Answers the events of a reaction until the signal aborts. Any number of workers may run it: one has the lease, and
 * the others wait and take over when it is released or ends. Failures are logged and tried again; nothing is thrown.
 */
export const runReaction = async (reaction: Reaction, configured: ReactingOptions): Promise<void> => {
  const options: CompleteOptions = { ...DEFAULTS, ...configured };
  const { pool, logger, signal, leaseMs } = options;
  let lastToken: string | undefined;
  let failures = 0;
  let mismatch: string | undefined;
  while (!signal.aborted) {
    const began = performance.now();
    const lease: ReactionLease = { reaction: reaction.name, token: uuidv7(), leaseMs };
    // Registered before the checkpoint is read: a checkpoint of one history must not be used with events of another.
    const changed = new AbortController();
    const stopListening = options.log.onHistoryChange(() => changed.abort());
    try {
      const from = await claim(pool, lease, lastToken);
      const before = mismatch;
      mismatch = from && (await findInvalidMarks(options.log, [{ ...from, name: reaction.name }])).get(reaction.name);
      if (mismatch !== undefined && mismatch !== before) {
        logger.error(
          { reaction: reaction.name, reason: mismatch },
          'the reaction does not match the log and has stopped; reset it to a position of the log',
        );
      }
      if (from !== undefined) lastToken = lease.token;
      if (from !== undefined && mismatch === undefined) {
        const { logId } = await options.log.identity();
        const history = AbortSignal.any([signal, changed.signal]);
        const work = follow(reaction, lease, from, logId, { ...options, signal: history });
        await withLease({ leaseMs, renew: work.renew }, work.run);
      }
      if (changed.signal.aborted) continue;
      await sleep((leaseMs / 10) * (0.5 + Math.random()), signal);
    } catch (error) {
      if (error instanceof ReactionLeaseLost || error instanceof LeaseLost || error instanceof HistoryChanged) continue;
      failures = performance.now() - began > STABLE_MS ? 1 : failures + 1;
      if (!signal.aborted)
        logger.warn({ err: error, reaction: reaction.name }, 'the reaction stopped and is started again');
      await sleep(backoff(failures, { firstMs: 50, maxMs: 2_000 }), signal);
    } finally {
      stopListening();
    }
  }
  if (lastToken) await release(pool, { reaction: reaction.name, token: lastToken }).catch(() => {});
};
