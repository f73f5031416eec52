import type { Pool } from 'pg';
import { codeOf } from '../error-code';
import { NotReady } from '../readiness/check';
import { sinceDiskFull } from './connections/lending';
import { withClient } from './connections/pools';

/** A session that takes no writes. Its code is one of a lost connection: the pool closes it, and opens another. */
class ReadOnlySession extends Error {
  override readonly name = 'ReadOnlySession';
  readonly code = 'EROFS';
}

/** ms. A disk that is full is noticed by what is written; after so long without a refusal it may have room again. */
const DISK_FULL_MS = 2_000;

/** By SQLSTATE, or the beginning of it: what an operator has to know. `/readyz` shows it to strangers. */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [
    /^53300/,
    'PostgreSQL has no free connection for this process: raise max_connections, lower DATABASE_POOL_SIZE, or run fewer processes.',
  ],
  [
    /^28/,
    'PostgreSQL refuses the password of a role of this process. Start a process again: a start sets the passwords again.',
  ],
  [/^57P0[13]/, 'PostgreSQL is starting, stopping or in recovery, and takes no connections yet.'],
  [/^(25006|EROFS)/, 'PostgreSQL is read-only. Commands are answered with 503 until the primary is reached again.'],
  [/^(3D000|55000|42501)/, 'PostgreSQL does not let this process into its database.'],
  [/^08P01/, 'The pooler in front of PostgreSQL refuses the connection, or has waited too long for a free one.'],
];

const requireWritable = (pool: Pool): Promise<void> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ mode: string }>(`select current_setting('transaction_read_only') as mode`);
    if (rows[0]?.mode === 'on') throw new ReadOnlySession();
  });

/**
 * Resolves where PostgreSQL answers and takes writes.
 * @throws NotReady with a sentence where the reason is known; else what the database throws
 */
export const requireDatabase = async (pool: Pool): Promise<void> => {
  try {
    // Sessions that were opened while the server was read-only stay so: each of them is replaced first.
    for (let left = pool.options.max; ; left--) {
      try {
        await requireWritable(pool);
        break;
      } catch (error) {
        if (!(error instanceof ReadOnlySession) || left <= 0) throw error;
      }
    }
  } catch (error) {
    const code = codeOf(error) ?? '';
    const [, sentence] = SENTENCES.find(([states]) => states.test(code)) ?? [];
    throw sentence === undefined ? error : new NotReady(sentence, { cause: error });
  }
  if (sinceDiskFull() < DISK_FULL_MS)
    throw new NotReady('PostgreSQL has no space left on its disk. Commands are answered with 503 until it has.');
};
