import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** When a request was first sent, and when its answer came: `performance.now()`. */
export interface Span {
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** How one request of a client ended. */
export type Outcome =
  | { readonly kind: 'ok'; readonly version: number; readonly span: Span }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'unknown' };

export interface Rename {
  readonly name: string;
  outcome: Outcome;
}

/** A project or a task; its name is given to nothing else. */
export interface Creation {
  readonly kind: 'project' | 'task';
  readonly name: string;
  /** Undefined while the outcome is unknown. */
  id: string | undefined;
  outcome: Outcome;
}

/** A tenant and everything that its one client did, in the order in which it did it. */
export interface Tenant {
  readonly email: string;
  readonly companyName: string;
  /** Undefined while the sign-up's outcome is unknown. */
  tenantId: string | undefined;
  readonly signUp: 'ok' | 'unknown';
  /** Of the sign-up, which may have been given up at the end. */
  readonly span: Span;
  readonly renames: Rename[];
  readonly creations: Creation[];
}

/** Where the clients find the product, and what it answered them. */
export interface Api {
  /** Where it listens now; undefined while it is down. */
  url: string | undefined;
  stopping: boolean;
  /** Answers by status. */
  readonly answers: Map<number, number>;
  readonly companies: Tenant[];
}

interface Reply {
  readonly status: number;
  readonly etag: string | null;
  readonly body: { id?: string; tenant?: { id: string }; accessToken?: string; type?: string };
}

type Request = readonly [method: string, path: string, body: object, headers: Record<string, string>];
type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

const send = async (api: Api, [method, path, body, headers]: Request, key: string): Promise<Reply> => {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  const { status } = response;
  api.answers.set(status, (api.answers.get(status) ?? 0) + 1);
  return { status, etag: response.headers.get('etag'), body: (await response.json()) as Reply['body'] };
};

const inProgress = ({ status, body }: Reply): boolean =>
  status === 409 && body.type === '/problems/request-in-progress';
/** Answers that say nothing about the outcome: away, too busy, still at it. */
const undecided = (reply: Reply): boolean => reply.status >= 500 || reply.status === 429 || inProgress(reply);

/**
 * Sends one request until its outcome is known, with the same idempotency key each time; or once, where `insist` is
 * false, as clients do that give up.
 */
const settle = async (api: Api, inTurn: InTurn, insist: boolean, request: Request): Promise<Reply | undefined> => {
  const key = randomUUID();
  for (let pause = 30; !api.stopping; await sleep(pause)) {
    let sent = false;
    try {
      const reply = await inTurn(async () => {
        sent = api.url !== undefined;
        return sent ? send(api, request, key) : undefined;
      });
      if (reply && !undecided(reply)) return reply;
      pause = reply && inProgress(reply) ? 500 : 30;
    } catch {
      // Reset, refused, cut off in the middle: that is what this is about.
    }
    if (!insist && sent) return undefined;
  }
  return undefined;
};

const since = (sentAt: number): Span => ({ sentAt, answeredAt: performance.now() });

let people = 0;

/** Signs up a tenant; `insist` as in {@link settle}. */
const signUp = async (api: Api, inTurn: InTurn, insist: boolean) => {
  const number = ++people;
  const email = `chaos-${process.pid}-${number}@example.com`;
  const companyName = `Tenant ${number}`;
  const body = { companyName, personName: 'Somebody', email, password: 'correct horse battery staple' };
  const sentAt = performance.now();
  const reply = await settle(api, inTurn, insist, ['POST', '/v1/signup', body, {}]);
  if (reply && reply.status >= 300) throw new Error(`sign-up was refused: ${JSON.stringify(reply.body)}`);
  const tenantId = reply?.body.tenant?.id;
  const tenant: Tenant = {
    ...{ email, companyName, tenantId, signUp: tenantId ? 'ok' : 'unknown', span: since(sentAt) },
    ...{ renames: [], creations: [] },
  };
  api.companies.push(tenant);
  return { tenant, token: reply?.body.accessToken };
};

interface Membership {
  readonly tenant: Tenant;
  readonly token: string | undefined;
}

const outcomeOf = ({ status, etag }: Reply, sentAt: number): Outcome =>
  status < 300 ? { kind: 'ok', version: Number(etag?.slice(1, -1)), span: since(sentAt) } : { kind: 'refused', status };

const rename = async (api: Api, inTurn: InTurn, insist: boolean, { tenant, token }: Membership, round: number) => {
  const wanted: Rename = { name: `Name ${tenant.tenantId} ${round}`, outcome: { kind: 'unknown' } };
  tenant.renames.push(wanted);
  const headers = { authorization: `Bearer ${token}` };
  const sentAt = performance.now();
  const reply = await settle(api, inTurn, insist, ['PATCH', '/v1/tenant', { name: wanted.name }, headers]);
  if (reply) wanted.outcome = outcomeOf(reply, sentAt);
  return reply;
};

/** Adds a project; or a task, where the tenant has a project. */
const create = async (api: Api, inTurn: InTurn, insist: boolean, { tenant, token }: Membership, round: number) => {
  const project = tenant.creations.find(({ kind, id }) => kind === 'project' && id)?.id;
  const name = `${project ? 'Task' : 'Project'} ${tenant.tenantId} ${round}`;
  const wanted: Creation = { kind: project ? 'task' : 'project', name, id: undefined, outcome: { kind: 'unknown' } };
  tenant.creations.push(wanted);
  const headers = { authorization: `Bearer ${token}` };
  const [path, body] = project ? [`/v1/projects/${project}/tasks`, { title: name }] : ['/v1/projects', { name }];
  const sentAt = performance.now();
  const reply = await settle(api, inTurn, insist, ['POST', path, body, headers]);
  if (!reply) return undefined;
  wanted.outcome = outcomeOf(reply, sentAt);
  wanted.id = reply.body.id;
  return reply;
};

/** One client: signs a tenant up, then renames it and adds projects and tasks until it has to stop. */
const work = async (api: Api, inTurn: InTurn): Promise<void> => {
  let current: Membership | undefined;
  for (let round = 0; !api.stopping; round++) {
    // A new tenant every so often: sign-ups are interrupted in the middle too.
    if (!current?.token || round % 40 === 0) {
      current = await signUp(api, inTurn, round % 80 !== 0);
      continue;
    }
    const change = round % 4 === 1 ? create : rename;
    const reply = await change(api, inTurn, round % 3 !== 0, current, round);
    // After a failover the tenant may be one that the new server has never seen: its client starts over.
    if (reply && reply.status >= 400) current = undefined;
  }
};

/** Lets so many work at the same time; the others wait in line. */
const turns = (atOnce: number): InTurn => {
  let free = atOnce;
  const line: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next) next();
      else free += 1;
    }
  };
};

export interface Load {
  readonly api: Api;
  /** Ends every client; what was under way is of unknown outcome then. */
  stop(): Promise<void>;
}

/**
 * Clients that continue whatever happens. One whose request was interrupted by a crash waits until its idempotency key is free
 * again (15 s), so there are many more of them than ask at the same time.
 */
export const startLoad = ({ clients, atOnce, url }: { clients: number; atOnce: number; url?: string }): Load => {
  const api: Api = { url, stopping: false, answers: new Map(), companies: [] };
  const inTurn = turns(atOnce);
  const working = Promise.all(Array.from({ length: clients }, () => work(api, inTurn)));
  // Told by `stop`.
  working.catch(() => undefined);
  return {
    api,
    stop: async () => {
      api.stopping = true;
      await working;
    },
  };
};

/** Does the work while clients continue asking; they are stopped however it ends. */
export const underLoad = async (
  options: Parameters<typeof startLoad>[0],
  work: (api: Api) => Promise<void>,
): Promise<Api> => {
  const load = startLoad(options);
  try {
    await work(load.api);
  } finally {
    await load.stop();
  }
  return load.api;
};

export interface Tally {
  readonly signUps: number;
  readonly commands: number;
  readonly acknowledged: number;
}

export const tallyOf = ({ companies }: Api): Tally => {
  const commands = companies.flatMap(({ renames, creations }) => [...renames, ...creations]);
  const acknowledged = commands.filter(({ outcome }) => outcome.kind === 'ok').length;
  return { signUps: companies.length, commands: commands.length, acknowledged };
};
