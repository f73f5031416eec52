import { randomUUID } from 'node:crypto';

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  /** ms until the whole answer was there. */
  readonly ms: number;
}

/** The members of answers that these tests look at. */
interface Body {
  readonly id?: string;
  readonly type?: string;
  readonly detail?: string;
  readonly missing?: readonly string[];
  readonly name?: string;
  readonly accessToken?: string;
  readonly tenant?: { readonly id: string; readonly name: string };
}

export interface Ask {
  readonly method?: string;
  readonly token?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  /** ms; 30,000 by default. */
  readonly patience?: number;
}

/** One request; rejects where it gets no answer. */
export const ask = async (url: string, path: string, asked: Ask = {}): Promise<Asked> => {
  const { method = 'GET', token, body, headers, patience = 30_000 } = asked;
  const began = performance.now();
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(patience),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : {}) as Body,
    ms: performance.now() - began,
  };
};

export const PASSWORD = 'correct horse battery staple';

export interface Account {
  readonly email: string;
  readonly token: string;
  readonly tenantId: string;
}

/** A tenant of the test's own. */
export const signUp = async (url: string): Promise<Account> => {
  const email = `${randomUUID()}@example.com`;
  const body = { companyName: 'Acme', personName: 'Ada', email, password: PASSWORD };
  const answer = await ask(url, '/v1/signup', { method: 'POST', body });
  if (answer.status > 202) throw new Error(`sign-up was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return { email, token: answer.body.accessToken ?? '', tenantId: answer.body.tenant?.id ?? '' };
};

export const rename = (url: string, token: string, name: string, headers: Record<string, string> = {}) =>
  ask(url, '/v1/tenant', { method: 'PATCH', token, body: { name }, headers });
