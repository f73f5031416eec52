import { randomUUID } from 'node:crypto';

/** What a client was told about one thing that it asked for. */
export type Outcome =
  | { readonly kind: 'ok'; readonly version: number }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'unknown' };

export interface Rename {
  readonly name: string;
  outcome: Outcome;
}

/** A company and everything that its one client did, in the order in which it did it. */
export interface Company {
  readonly email: string;
  readonly companyName: string;
  /** Undefined while the sign-up's outcome is unknown. */
  tenantId: string | undefined;
  readonly signUp: 'ok' | 'unknown';
  readonly renames: Rename[];
}

export interface Api {
  /** Where the product listens now; undefined while it is down. */
  url: string | undefined;
  stopping: boolean;
}

interface Reply {
  readonly status: number;
  readonly etag: string | null;
  readonly body: { tenant?: { id: string }; accessToken?: string };
}

const send = async (
  api: Api,
  method: string,
  path: string,
  body: object,
  headers: Record<string, string>,
): Promise<Reply> => {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    body: (await response.json()) as Reply['body'],
  };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers that say nothing about the outcome: away, too busy, still at it. */
const undecided = ({ status }: Reply): boolean => status >= 500 || status === 429 || status === 409;

/**
 * Sends one request until its outcome is known, with the same idempotency key each time; or once, where `insist` is
 * false, as clients do that give up.
 */
const settle = async (
  api: Api,
  insist: boolean,
  ...[method, path, body, headers]: [string, string, object, Record<string, string>]
): Promise<Reply | undefined> => {
  const key = randomUUID();
  for (;;) {
    if (api.stopping) return undefined;
    try {
      if (api.url) {
        const reply = await send(api, method, path, body, { ...headers, 'idempotency-key': key });
        if (!undecided(reply)) return reply;
      }
    } catch {
      // Reset, refused, cut off in the middle: that is what this is about.
    }
    if (!insist && api.url) return undefined;
    await pause(30);
  }
};

let people = 0;

/** Signs up a company; `insist` as in {@link settle}. */
const signUp = async (api: Api, insist: boolean): Promise<{ company: Company; token: string | undefined }> => {
  const number = ++people;
  const email = `chaos-${process.pid}-${number}@example.com`;
  const companyName = `Company ${number}`;
  const body = { companyName, personName: 'Somebody', email, password: 'correct horse battery staple' };
  const reply = await settle(api, insist, 'POST', '/v1/signup', body, {});
  if (reply && reply.status >= 300) throw new Error(`sign-up was refused: ${JSON.stringify(reply.body)}`);
  const tenantId = reply?.body.tenant?.id;
  const company: Company = { email, companyName, tenantId, signUp: tenantId ? 'ok' : 'unknown', renames: [] };
  return { company, token: reply?.body.accessToken };
};

/** One client: signs a company up, then renames it again and again until told to stop. */
export const work = async (api: Api, companies: Company[]): Promise<void> => {
  let current: Awaited<ReturnType<typeof signUp>> | undefined;
  for (let round = 0; !api.stopping; round++) {
    // A new company every so often: sign-ups are cut off in the middle too.
    if (!current?.token || round % 40 === 0) {
      current = await signUp(api, round % 80 !== 0);
      companies.push(current.company);
      continue;
    }
    const rename: Rename = { name: `Name ${current.company.tenantId} ${round}`, outcome: { kind: 'unknown' } };
    current.company.renames.push(rename);
    const headers = { authorization: `Bearer ${current.token}` };
    const reply = await settle(api, round % 3 !== 0, 'PATCH', '/v1/tenant', { name: rename.name }, headers);
    if (!reply) continue;
    const version = Number(reply.etag?.slice(1, -1));
    rename.outcome = reply.status < 300 ? { kind: 'ok', version } : { kind: 'refused', status: reply.status };
  }
};
