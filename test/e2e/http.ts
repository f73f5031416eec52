import { randomUUID } from 'node:crypto';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  /** ms from the request to the end of the answer. */
  readonly ms: number;
}

/** The fields of answers that the tests read. */
interface Body {
  readonly id?: string;
  readonly type?: string;
  readonly detail?: string;
  readonly missing?: readonly string[];
  readonly name?: string;
  readonly accessToken?: string;
  readonly tenant?: { readonly id: string; readonly name: string };
}

export interface RequestOptions {
  readonly method?: string;
  readonly token?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  /** ms; 30,000 by default. */
  readonly timeoutMs?: number;
}

/** Sends one request. Rejects if there is no answer within the timeout. @param url base URL of the product */
export const send = async (url: string, path: string, options: RequestOptions = {}): Promise<Answer> => {
  const { method = 'GET', token, body, headers, timeoutMs = 30_000 } = options;
  const startedAt = performance.now();
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : {}) as Body,
    ms: performance.now() - startedAt,
  };
};

export const PASSWORD = 'correct horse battery staple';

export interface Account {
  readonly email: string;
  readonly token: string;
  readonly tenantId: string;
}

/** Signs up a tenant and its owner, who has a random address. @throws Error if the sign-up fails */
export const signUp = async (url: string): Promise<Account> => {
  const email = `${randomUUID()}@example.com`;
  const body = { companyName: 'Acme', personName: 'Ada', email, password: PASSWORD };
  const answer = await send(url, '/v1/signup', { method: 'POST', body });
  if (answer.status > 202)
    throw new Error(`the sign-up failed with status ${answer.status}: ${JSON.stringify(answer.body)}`);
  return { email, token: answer.body.accessToken ?? '', tenantId: answer.body.tenant?.id ?? '' };
};

/** Renames the tenant of the token. */
export const rename = (url: string, token: string, name: string, headers: Record<string, string> = {}) =>
  send(url, '/v1/tenant', { method: 'PATCH', token, body: { name }, headers });
