import { DatabaseError } from 'pg';

/**
 * True for errors that the data of the statement causes and not the state of the database: invalid data, a violated
 * constraint, two rows with the same key in one statement, values that are too large.
 */
export const isDataError = (error: unknown): boolean =>
  error instanceof DatabaseError && /^(21|22|23|54)/.test(error.code ?? '');
