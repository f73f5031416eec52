import type { Pool } from 'pg';
import { codeOf } from '../error-code';
import { NotReady } from '../readiness/check';
import { sinceDiskFull } from './connections/lending';
import { withClient } from './connections/pools';

/**
 * The session accepts no writes. The error has the code of a lost connection, so that the pool replaces the session.
 */
class ReadOnlySession extends Error {
  override readonly name = 'ReadOnlySession';
  readonly code = 'EROFS';
}

/** ms. A full disk shows only when a write is refused. This long after the last refusal, it may have space again. */
const DISK_FULL_MS = 2_000;

/**
 * By SQLSTATE or error code: what an operator needs to know. `/readyz` is public, so the sentences contain no secrets.
 */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [
    /^53300/,
    'PostgreSQL has no free connection for this process: raise max_connections, lower DATABASE_POOL_SIZE, or run fewer processes.',
  ],
  [
    /^28/,
    'PostgreSQL refuses the password of a role of this process. Restart a process: each start sets the passwords again.',
  ],
  [/^57P0[13]/, 'PostgreSQL is starting, stopping or in recovery, and accepts no connections yet.'],
  [/^(25006|EROFS)/, 'PostgreSQL is read-only. Commands are answered with 503 until it accepts writes again.'],
  [
    /^(3D000|55000|42501)/,
    'PostgreSQL refuses this process access to its database. Check that the database exists and allows connections.',
  ],
  [
    /^08P01/,
    'The pooler in front of PostgreSQL refuses the connection, or has waited too long for a free connection to PostgreSQL.',
  ],
];

const requireWritable = (pool: Pool): Promise<void> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ mode: string }>(`select current_setting('transaction_read_only') as mode`);
    if (rows[0]?.mode === 'on') throw new ReadOnlySession();
  });

/**
 * Resolves if PostgreSQL answers and accepts writes.
 * @throws NotReady with a sentence for operators if the reason is known; otherwise the error of the database
 */
export const requireDatabase = async (pool: Pool): Promise<void> => {
  try {
    // A session that was opened while the server was read-only stays read-only. Each failed check replaces one of them.
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
    throw new NotReady(
      'PostgreSQL has no space left on its disk. Free some space: commands are answered with 503 until then.',
    );
};
