import type { Pool } from 'pg';
import { accessJson, type ClientOrigin } from '#access/access';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { tokenClass } from '#platform/token-class';

/**
 * Counts wrong passwords for users, for the history of the user. Workers append one event for each user and minute.
 * @param pool connects as the app role
 */
export const createFailedSignIns =
  ({ pool, logger }: { readonly pool: Pool; readonly logger: Logger }) =>
  /**
   * Counts one wrong password. It does not wait for the database, so that the time of the answer does not reveal whether
   * an account has the address. If the process is killed in this moment, the attempt is not counted.
   */
  (userId: string, { address, userAgent }: ClientOrigin): void => {
    const access = accessJson({ kind: 'password', credentialId: userId, address, userAgent });
    withClient(pool, (client) =>
      client.query({
        name: 'count-failed-sign-in',
        text: 'select identity.count_failed_sign_in($1, $2)',
        values: [userId, access],
      }),
    ).catch((error: unknown) => logger.warn({ err: error, userId }, 'a wrong password could not be counted'));
  };

export abstract class FailedSignIns extends tokenClass<ReturnType<typeof createFailedSignIns>>() {}
