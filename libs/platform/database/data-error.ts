import { DatabaseError } from 'pg';

/**
 * Errors that speak of the rows and not of the database: bad data, broken constraints, two rows of one key in a statement,
 * values that are too large.
 */
export const isDataError = (error: unknown): boolean =>
  error instanceof DatabaseError && /^(21|22|23|54)/.test(error.code ?? '');
