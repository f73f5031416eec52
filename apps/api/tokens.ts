/** What Nest injects by name, because it is no class: the ports and the parts that are plain functions. */

/** `ScopedDb`: the ways to the read models, bound by row-level security. */
export const SCOPED_DB = Symbol('scoped database');
/** `SigningKeys` */
export const SIGNING_KEYS = Symbol('signing keys');
/** `TokenCache<Asker>`, by the whole `Authorization` field. */
export const TOKEN_CACHE = Symbol('token cache');
/** `Identity`: signing up, in and on. */
export const IDENTITY = Symbol('identity');
/** `Account`: what people do with their own accounts and sessions. */
export const ACCOUNT = Symbol('account');
/** `Authority`: who may do what, by the live membership. */
export const AUTHORITY = Symbol('authority');
/** `PasswordCheck`: the one way to check a password. */
export const PASSWORD_CHECK = Symbol('password check');
/** `SessionOpener`: sessions and their tokens, for every route that lets somebody in. */
export const SESSION_OPENER = Symbol('session opener');
/** `EndedSessions`, which the authentication guard reads. */
export const ENDED_SESSIONS = Symbol('ended sessions');
/** `number`: days for which what a closed company wrote is kept. */
export const RETENTION_DAYS = Symbol('retention days');
/** `InvitationTokens`: what links hold. */
export const INVITATION_TOKENS = Symbol('invitation tokens');
/** `Joining`: who comes in by a link. */
export const JOINING = Symbol('joining');
/** `Gate`: who operates the installation. */
export const OPERATORS = Symbol('operators');
/** `string`: where clients reach the API, without a slash at the end. */
export const PUBLIC_URL = Symbol('public url');
/** `Quota`: the calls of the API that a plan allows in a month. */
export const QUOTA = Symbol('quota');
/** `Catalogue`: what can be bought. */
export const CATALOGUE = Symbol('catalogue');
/** `Usage`: what of a plan is in use. */
export const USAGE = Symbol('usage');
/** `Billing`: buying, changing and ending. */
export const BILLING = Symbol('billing');
/** `Webhook`, or null where the installation has no Stripe. */
export const WEBHOOK = Symbol('webhook');
/** `InboxOperations`: what operators do with what Stripe told. */
export const INBOX = Symbol('inbox');
export const BACKFILL = Symbol('backfill');
