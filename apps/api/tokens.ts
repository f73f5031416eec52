/** The ways to the read models, bound by row-level security. */
export const SCOPED_DB = Symbol('scoped database');
