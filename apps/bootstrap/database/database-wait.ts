import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionSuspect } from '#platform/database/connections/pools';
import { DatabaseSetupError } from '#platform/database/errors';
import { codeOf, isConnectionRefused } from '#platform/error-code';
import type { Logger } from '#platform/logging/logging';
import { CannotStart } from '../process/cannot-start';

/**
 * Does work that needs the database, and repeats it while the database is not available.
 * @throws CannotStart with a sentence for operators, if the database stays unavailable or refuses the connection
 * @throws any other error of the work, unchanged
 */
export type DatabaseWait = <T>(work: () => Promise<T>) => Promise<T>;

export interface DatabaseWaitOptions {
  readonly url: string;
  /** The name of the setting that contains `url`. */
  readonly setting: string;
  /** The maximum number of connections of this process, for the message. */
  readonly connections: number;
  readonly logger: Logger;
  /** ms after which a call no longer repeats its work; 30,000 by default. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const PAUSE_MS = 1_000;
const EXAMPLE = 'postgres://owner:secret@127.0.0.1:5432/tenantry';

/** Only these codes: errors of files have codes of the same form, and waiting does not correct them. */
const UNREACHABLE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/;

/** The messages of `pg`, without a code, if the program at the port is not PostgreSQL, or does not answer. */
const NO_POSTGRESQL = /^(Connection terminated|timeout)/;

/**
 * True for errors that may end without an action: the server is starting or restarting, has no free connection, or is
 * not the primary for a moment. False, for example, for a refused password.
 */
const isTemporary = (error: unknown): boolean => {
  if (error instanceof DatabaseSetupError) return false;
  const code = codeOf(error) ?? '';
  if (/^E[A-Z]+$/.test(code)) return UNREACHABLE.test(code) || isConnectionRefused(error);
  return !code.startsWith('XX') && isConnectionSuspect(error);
};

/**
 * Makes the function through which all work of the start that needs PostgreSQL goes. It waits for a server that is
 * started at the same time or is restarting, but not if another program answers at its address.
 */
export const createDatabaseWait = (options: DatabaseWaitOptions): DatabaseWait => {
  const { url, logger, timeoutMs = TIMEOUT_MS } = options;
  const host = new URL(url).host || 'its socket';
  let hasAnswered = false;

  const isWorthWaiting = (error: unknown): boolean => {
    const isNoPostgres = codeOf(error) === undefined && error instanceof Error && NO_POSTGRESQL.test(error.message);
    return isTemporary(error) && (hasAnswered || !isNoPostgres);
  };

  return async (work) => {
    for (const end = Date.now() + timeoutMs; ; ) {
      try {
        const result = await work();
        hasAnswered = true;
        return result;
      } catch (error) {
        if (!isWorthWaiting(error) || Date.now() > end) throw explained(error, host, options);
        logger.warn(`waiting for PostgreSQL at ${host} (${codeOf(error) ?? reasonOf(error)})`);
        await sleep(PAUSE_MS);
      }
    }
  };
};

const reasonOf = (error: unknown): string =>
  error instanceof Error && error.message ? error.message : (codeOf(error) ?? String(error));

/** The error as a sentence that says what an operator has to change; other errors are returned unchanged. */
const explained = (error: unknown, host: string, { setting, connections }: DatabaseWaitOptions): unknown => {
  const code = codeOf(error) ?? '';
  const sentence = (text: string): CannotStart => new CannotStart(text, { cause: error });
  if (code === '53300') {
    return sentence(
      `PostgreSQL at ${host} has no free connection for this process (${reasonOf(error)}). It opens up to ${connections}: raise max_connections of the server (or the limit of the role or database), lower DATABASE_POOL_SIZE, or run fewer processes; docs/postgresql.md counts the connections`,
    );
  }
  if (code === '25006') {
    return sentence(`PostgreSQL at ${host} is read-only (${reasonOf(error)}); ${setting} must point to the primary`);
  }
  if (codeOf(error) === undefined && error instanceof Error && NO_POSTGRESQL.test(error.message)) {
    return sentence(
      `${setting} points to ${host}, where no PostgreSQL answers (${error.message}); check the host and port. Example: ${setting}=${EXAMPLE}`,
    );
  }
  if (!isTemporary(error) && !/^(28|3D)/.test(code)) return error;
  return sentence(
    `${setting} points to ${host}, which refuses the connection: ${reasonOf(error)}. Example: ${setting}=${EXAMPLE}`,
  );
};
