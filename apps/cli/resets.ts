import type { Pool } from 'pg';
import { findInvalidMarks, markText } from '#event-log/mark';
import type { EventLog, Position } from '#event-log/port';
import { inTransaction } from '#platform/database/connections/pools';
import { readCheckpointMarks } from '#projecting/checkpoints/checkpoint-marks';
import { raiseCheckpointEpoch } from '#projecting/operator-queries';
import { requestRebuild } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { moveReaction } from '#reacting/operator-queries';
import type { RecordAction } from './operator-session';
import { UsageError } from './usage';

/**
 * Has read models rebuilt from the log, and ignores their checkpoints: the named one, all of them (`--all`), or by
 * default those whose checkpoints do not match the log.
 */
export const resetProjections = async (
  pool: Pool,
  log: EventLog,
  words: readonly string[],
  record: RecordAction,
): Promise<string> => {
  const names = await namesToReset(pool, log, words);
  if (names.length === 0) return 'every read model matches the log: nothing was reset';
  await record('projections.reset', names.join(' '));
  await inTransaction(pool, async (client) => {
    for (const name of names) {
      await raiseCheckpointEpoch(client, name);
      await requestRebuild(client, name);
    }
  });
  return `a running worker rebuilds ${names.join(', ')} from the log; \`tenantry projections\` shows the progress`;
};

const namesToReset = async (pool: Pool, log: EventLog, [word]: readonly string[]): Promise<string[]> => {
  const all = projections.map(({ name }) => name);
  if (word === '--all') return all;
  if (word !== undefined) {
    if (!all.includes(word)) throw new UsageError(`name one of the projections, or --all: ${all.join(', ')}`);
    return [word];
  }
  const found = await findInvalidMarks(log, await readCheckpointMarks(pool));
  return all.filter((name) => found.has(name));
};

const TO = /^(head|0|[1-9][0-9]{0,18})$/;

/**
 * Sets the checkpoint of a reaction: it processes the events after this position, and none up to it. With `head`, it
 * processes no event that is in the log now.
 */
export const resetReaction = async (
  pool: Pool,
  log: EventLog,
  [name, option, to]: readonly (string | undefined)[],
  record: RecordAction,
): Promise<string> => {
  if (!name || option !== '--to' || !to || !TO.test(to))
    throw new UsageError(
      'name the reaction and its new position: `reactions reset NAME --to head`, or `--to POSITION`',
    );
  const last = await log.lastEvent(to === 'head' ? undefined : BigInt(to));
  const { logId } = await log.identity();
  const position: Position = last?.position ?? 0n;
  const mark = last ? markText({ ...last, logId }) : null;
  await record('reactions.reset', `${name} ${position}`);
  const moved = await inTransaction(pool, (client) => moveReaction(client, name, position, mark));
  if (!moved) throw new UsageError(`there is no reaction ${name}; \`tenantry reactions\` lists them`);
  return `${name} continues after position ${position}`;
};
