/** What Nest injects by name, because it is no class: the ports and the parts that are plain functions. */

/** `ScopedDb`: the ways to the read models, bound by row-level security. */
export const SCOPED_DB = Symbol('scoped database');
/** `SigningKeys` */
export const SIGNING_KEYS = Symbol('signing keys');
/** `TokenCache<Principal>`, by the whole `Authorization` field. */
export const TOKEN_CACHE = Symbol('token cache');
/** `Identity`: signing up, in and on. */
export const IDENTITY = Symbol('identity');
