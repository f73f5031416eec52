import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** The times at which a request was first sent and finally answered; `performance.now()` in ms. */
export interface Span {
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** The outcome of one request, as its client knows it. */
export type Outcome =
  | { readonly kind: 'ok'; readonly version: number; readonly span: Span }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'unknown' };

export interface Rename {
  readonly name: string;
  outcome: Outcome;
}

/** A project or a task that a client creates. Its name is unique. */
export interface Creation {
  readonly kind: 'project' | 'task';
  readonly name: string;
  /** Undefined while the outcome is unknown. */
  id: string | undefined;
  outcome: Outcome;
}

/** A tenant and the requests of its only client, in the order in which they were sent. */
export interface Tenant {
  readonly email: string;
  readonly companyName: string;
  /** Undefined if the outcome of the sign-up is unknown. */
  tenantId: string | undefined;
  readonly signUp: 'ok' | 'unknown';
  /** The span of the sign-up, which may have been abandoned. */
  readonly span: Span;
  readonly renames: Rename[];
  readonly creations: Creation[];
}

/** The product as the clients reach it, and its answers. */
export interface Api {
  /** The URL of the API; undefined while clients must not send requests. */
  url: string | undefined;
  stopping: boolean;
  /** The number of answers by status. */
  readonly answers: Map<number, number>;
  readonly tenants: Tenant[];
}

interface Reply {
  readonly status: number;
  readonly etag: string | null;
  readonly body: { id?: string; tenant?: { id: string }; accessToken?: string; type?: string };
}

type Request = readonly [method: string, path: string, body: object, headers: Record<string, string>];
type RunLimited = <T>(work: () => Promise<T>) => Promise<T>;

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
/**
 * True for answers that leave the outcome open: the server is not available, too busy, or still processes the request.
 */
const isUndecided = (reply: Reply): boolean => reply.status >= 500 || reply.status === 429 || inProgress(reply);

/**
 * Sends one request again and again with the same idempotency key until its outcome is known; or only once if `insist`
 * is false, like a client that does not try again.
 * @returns undefined if the outcome is unknown
 */
const settle = async (
  api: Api,
  runLimited: RunLimited,
  insist: boolean,
  request: Request,
): Promise<Reply | undefined> => {
  const key = randomUUID();
  for (let pause = 30; !api.stopping; await sleep(pause)) {
    let sent = false;
    try {
      const reply = await runLimited(async () => {
        sent = api.url !== undefined;
        return sent ? send(api, request, key) : undefined;
      });
      if (reply && !isUndecided(reply)) return reply;
      pause = reply && inProgress(reply) ? 500 : 30;
    } catch {
      // The connection was reset, refused or cut: the faults that these tests cause.
    }
    if (!insist && sent) return undefined;
  }
  return undefined;
};

const since = (sentAt: number): Span => ({ sentAt, answeredAt: performance.now() });

let signUps = 0;

/** Signs up a tenant. @param insist see {@link settle} */
const signUp = async (api: Api, runLimited: RunLimited, insist: boolean) => {
  const number = ++signUps;
  const email = `chaos-${process.pid}-${number}@example.com`;
  const companyName = `Tenant ${number}`;
  const body = { companyName, personName: 'Somebody', email, password: 'correct horse battery staple' };
  const sentAt = performance.now();
  const reply = await settle(api, runLimited, insist, ['POST', '/v1/signup', body, {}]);
  if (reply && reply.status >= 300) throw new Error(`sign-up was refused: ${JSON.stringify(reply.body)}`);
  const tenantId = reply?.body.tenant?.id;
  const tenant: Tenant = {
    ...{ email, companyName, tenantId, signUp: tenantId ? 'ok' : 'unknown', span: since(sentAt) },
    ...{ renames: [], creations: [] },
  };
  api.tenants.push(tenant);
  return { tenant, token: reply?.body.accessToken };
};

interface Membership {
  readonly tenant: Tenant;
  readonly token: string | undefined;
}

const outcomeOf = ({ status, etag }: Reply, sentAt: number): Outcome =>
  status < 300
    ? { kind: 'ok', version: Number.parseInt(etag?.slice(1) ?? '', 10), span: since(sentAt) }
    : { kind: 'refused', status };

const rename = async (
  api: Api,
  runLimited: RunLimited,
  insist: boolean,
  { tenant, token }: Membership,
  round: number,
) => {
  const wanted: Rename = { name: `Name ${tenant.tenantId} ${round}`, outcome: { kind: 'unknown' } };
  tenant.renames.push(wanted);
  const headers = { authorization: `Bearer ${token}` };
  const sentAt = performance.now();
  const reply = await settle(api, runLimited, insist, ['PATCH', '/v1/tenant', { name: wanted.name }, headers]);
  if (reply) wanted.outcome = outcomeOf(reply, sentAt);
  return reply;
};

/** Creates a project, or a task if the tenant has a project. */
const create = async (
  api: Api,
  runLimited: RunLimited,
  insist: boolean,
  { tenant, token }: Membership,
  round: number,
) => {
  const project = tenant.creations.find(({ kind, id }) => kind === 'project' && id)?.id;
  const name = `${project ? 'Task' : 'Project'} ${tenant.tenantId} ${round}`;
  const wanted: Creation = { kind: project ? 'task' : 'project', name, id: undefined, outcome: { kind: 'unknown' } };
  tenant.creations.push(wanted);
  const headers = { authorization: `Bearer ${token}` };
  const [path, body] = project ? [`/v1/projects/${project}/tasks`, { title: name }] : ['/v1/projects', { name }];
  const sentAt = performance.now();
  const reply = await settle(api, runLimited, insist, ['POST', path, body, headers]);
  if (!reply) return undefined;
  wanted.outcome = outcomeOf(reply, sentAt);
  wanted.id = reply.body.id;
  return reply;
};

/** Runs one client: it signs up a tenant, and renames it and creates projects and tasks until it is stopped. */
const runClient = async (api: Api, runLimited: RunLimited): Promise<void> => {
  let current: Membership | undefined;
  for (let round = 0; !api.stopping; round++) {
    // A new tenant from time to time, so that sign-ups are interrupted, too.
    if (!current?.token || round % 40 === 0) {
      current = await signUp(api, runLimited, round % 80 !== 0);
      continue;
    }
    const change = round % 4 === 1 ? create : rename;
    const reply = await change(api, runLimited, round % 3 !== 0, current, round);
    // After a failover the new server may not have the tenant. The client then signs up another one.
    if (reply && reply.status >= 400) current = undefined;
  }
};

/** Runs at most `atOnce` functions at the same time; the others wait in a queue. */
const createLimiter = (atOnce: number): RunLimited => {
  let free = atOnce;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else free += 1;
    }
  };
};

export interface Load {
  readonly api: Api;
  /** Stops every client; the outcome of a request in progress is then unknown. @throws Error a sign-up was refused */
  stop(): Promise<void>;
}

/**
 * Starts clients that continue after every fault. A client whose request was interrupted by a crash waits until its
 * idempotency key is released (15 s), so there are many more clients than requests at the same time.
 * @param atOnce the most requests at the same time
 */
export const startLoad = ({ clients, atOnce, url }: { clients: number; atOnce: number; url?: string }): Load => {
  const api: Api = { url, stopping: false, answers: new Map(), tenants: [] };
  const runLimited = createLimiter(atOnce);
  const running = Promise.all(Array.from({ length: clients }, () => runClient(api, runLimited)));
  // A failure is reported by `stop`.
  running.catch(() => undefined);
  return {
    api,
    stop: async () => {
      api.stopping = true;
      await running;
    },
  };
};

/** Does the work while clients send requests. The clients are stopped when the work has ended, even by an error. */
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

/** Counts the requests and the acknowledged ones. */
export const tallyOf = ({ tenants }: Api): Tally => {
  const commands = tenants.flatMap(({ renames, creations }) => [...renames, ...creations]);
  const acknowledged = commands.filter(({ outcome }) => outcome.kind === 'ok').length;
  return { signUps: tenants.length, commands: commands.length, acknowledged };
};
