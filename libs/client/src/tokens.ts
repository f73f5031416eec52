/** What a client keeps of a session. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/**
 * Where a client keeps the tokens of its session. Refresh tokens are secrets: a store that outlives the process must keep
 * them as safe as passwords.
 */
export interface TokenStore {
  /** Undefined: nobody is signed in. */
  get(): Tokens | undefined | Promise<Tokens | undefined>;
  /** @param tokens undefined: the session has ended */
  set(tokens: Tokens | undefined): void | Promise<void>;
}

/** Keeps the tokens in memory, until the process ends. */
export const createMemoryTokens = (initial?: Tokens): TokenStore => {
  let tokens = initial;
  return {
    get: () => tokens,
    set: (next) => {
      tokens = next;
    },
  };
};

const isText = (value: unknown): value is string => typeof value === 'string';

/** The tokens in the body of an answer; undefined if it has none. */
export const tokensIn = (body: unknown): Tokens | undefined => {
  const { accessToken, refreshToken } = (body ?? {}) as { readonly [name: string]: unknown };
  return isText(accessToken) && isText(refreshToken) ? { accessToken, refreshToken } : undefined;
};
