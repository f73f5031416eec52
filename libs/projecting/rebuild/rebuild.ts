import { HistoryChanged, LogUnavailable } from '#event-log/port';
import { isConnectionSuspect } from '#platform/database/connections/pools';
import { reasonOf } from '../fold/fold';
import { isDataError } from '../fold/poison';
import { withoutSkipped } from '../fold/skips';
import type { Projection } from '../projection';
import { describeRefusal, requireReplaceable } from './dependents';
import { loadHistory } from './load-history';
import { loadPages } from './load-pages';
import { type Attempt, AttemptLost, claimRebuild, failAttempt, releaseAttempt, report } from './rebuild-attempt';
import { initialState, type RebuildOptions, type RebuildState } from './rebuild-progress';
import { createShadow, type Shadow } from './shadow';
import { dropLeftovers } from './shadow-leftovers';
import { swap } from './swap';

/** Loads the history with COPY; if the database refuses a row, it starts over and loads page by page. */
const load = async (
  projection: Projection,
  attempt: Attempt,
  shadow: Shadow,
  options: RebuildOptions,
): Promise<RebuildState> => {
  const progress = initialState();
  try {
    await loadHistory(projection, attempt, shadow, progress, options);
    return progress;
  } catch (error) {
    if (!isDataError(error)) throw error;
    options.logger.warn(
      { projection: projection.name, reason: reasonOf(error) },
      'the database refused a row; the rebuild continues page by page',
    );
  }
  await shadow.startOver();
  const restarted = initialState();
  await loadPages(projection, attempt, shadow, restarted, options);
  return restarted;
};

/**
 * Leaves the rebuild open for the next attempt, and records the reason in the log of the process and in the database.
 */
const recordFailure = async (
  projection: Projection,
  attempt: Attempt,
  error: unknown,
  { pool, logger, signal }: RebuildOptions,
): Promise<void> => {
  const { name, version } = projection;
  try {
    if (error instanceof AttemptLost) {
      logger.warn({ projection: name, version, reason: error.message }, 'the attempt at a rebuild was ended');
    } else if (signal.aborted) {
      await releaseAttempt(pool, attempt);
    } else {
      const isOutage = isConnectionSuspect(error) || error instanceof LogUnavailable || error instanceof HistoryChanged;
      const reason = describeRefusal(error) ?? reasonOf(error);
      const next = await failAttempt(pool, attempt, { state: isOutage ? 'requested' : 'failed', error: reason });
      logger.error(
        { err: error, projection: name, version, reason, failures: next?.failures, retryInSeconds: next?.seconds },
        'a rebuild failed and will be tried again',
      );
    }
  } catch (unrecorded) {
    // The database is not available. The rebuild stays open, and the next worker that reaches the database claims it.
    logger.warn({ err: unrecorded, projection: name, version }, 'a rebuild ended, and its state could not be stored');
  }
};

/**
 * Builds the tables of a read model again beside the present ones, and swaps them in one short transaction: queries
 * never see an empty or incomplete table. After a crash the next attempt starts from the beginning. Every transaction
 * checks that no other attempt has claimed the rebuild meanwhile.
 * @param requested the projection as this release defines it
 * @param id an open rebuild of the version that this release defines
 * @throws Error the cause of the failure. The old read model stays, and the rebuild stays open with a time for its next
 * attempt.
 */
export const rebuild = async (requested: Projection, id: string, options: RebuildOptions): Promise<void> => {
  const { pool, roles, log, logger, signal } = options;
  const projection = await withoutSkipped(pool, requested);
  const attempt = await claimRebuild(pool, projection, id, await log.head());
  let shadow: Shadow | undefined;
  try {
    await requireReplaceable(pool, projection);
    shadow = await createShadow(pool, projection, roles, attempt);
    const progress = await load(projection, attempt, shadow, options);
    signal.throwIfAborted();
    await report(pool, attempt, 'catching-up', progress);
    await swap(projection, attempt, shadow, progress, options);
    logger.info(
      { projection: projection.name, version: projection.version, events: progress.events },
      'projection rebuilt',
    );
  } catch (error) {
    await recordFailure(projection, attempt, error, options);
    if (!signal.aborted) throw error;
  } finally {
    await dropLeftovers(pool, logger).catch((error: unknown) =>
      logger.warn({ err: error }, 'the tables that rebuilds left behind could not be listed'),
    );
  }
};
