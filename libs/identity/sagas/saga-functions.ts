import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';

/** Calls functions of the schema `identity` for the stores of all sagas. */
export const createSagaFunctions = (pool: Pool) => ({
  /** @param name of a function with one parameter that returns nothing */
  call:
    <Argument extends string | number>(name: string) =>
    async (argument: Argument): Promise<void> => {
      await withClient(pool, (client) => client.query(`select identity.${name}($1)`, [argument]));
    },

  /**
   * @param name of a function with the parameters seconds and limit that returns rows
   * @param columns what to select from the rows, named by the properties of the claim
   */
  takeUnfinished:
    <Claim extends object>(name: string, columns: string) =>
    async (olderSeconds: number, limit: number): Promise<Claim[]> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<Claim>(`select ${columns} from identity.${name}($1, $2)`, [olderSeconds, limit]),
      );
      return rows;
    },
});
