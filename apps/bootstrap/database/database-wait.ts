import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionSuspect } from '#platform/database/connections/pools';
import { DatabaseSetupError } from '#platform/database/errors';
import { codeOf, isConnectionRefused } from '#platform/error-code';
import type { Logger } from '#platform/logging/logging';
import { CannotStart } from '../process/cannot-start';

/** Does what the start needs of the database, again and again while the database is not available. @throws CannotStart */
export type DatabaseWait = <T>(work: () => Promise<T>) => Promise<T>;

export interface DatabaseWaitOptions {
  readonly url: string;
  /** The setting that `url` is of. */
  readonly setting: string;
  /** Connections that this process opens at most. */
  readonly connections: number;
  readonly logger: Logger;
  /** ms that one part of the start waits; 30,000 by default. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;
const PAUSE_MS = 1_000;
const EXAMPLE = 'postgres://owner:secret@127.0.0.1:5432/tenantry';

/** Errors of files have codes of this form, too, and waiting does not mend them. */
const UNREACHABLE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/;

/** What `pg` says, without a code, where something answers that is not PostgreSQL, and where nothing does. */
const NO_POSTGRESQL = /^(Connection terminated|timeout)/;

/** A server that starts, restarts, is full or is no primary for a moment becomes well again; a refused password does not. */
const isAway = (error: unknown): boolean => {
  if (error instanceof DatabaseSetupError) return false;
  const code = codeOf(error) ?? '';
  if (/^E[A-Z]+$/.test(code)) return UNREACHABLE.test(code) || isConnectionRefused(error);
  return !code.startsWith('XX') && isConnectionSuspect(error);
};

/**
 * The one way in which a start waits for PostgreSQL: one that is started together with us, or restarts meanwhile, may take a
 * while; one that is not there at all is an error. Everything in the start that needs the database goes through it.
 */
export const createDatabaseWait = (options: DatabaseWaitOptions): DatabaseWait => {
  const { url, logger, patienceMs = PATIENCE_MS } = options;
  const host = new URL(url).host || 'its socket';
  let hasAnswered = false;

  const isWorthWaiting = (error: unknown): boolean => {
    const isStranger = codeOf(error) === undefined && error instanceof Error && NO_POSTGRESQL.test(error.message);
    return isAway(error) && (hasAnswered || !isStranger);
  };

  return async (work) => {
    for (const end = Date.now() + patienceMs; ; ) {
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

/** What an operator has to change, in a sentence; any other error stays as it is. */
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
  if (!isAway(error) && !/^(28|3D)/.test(code)) return error;
  return sentence(
    `${setting} points to ${host}, which refuses the connection: ${reasonOf(error)}. Example: ${setting}=${EXAMPLE}`,
  );
};
