import { freePort } from '../support/free-port';
import { send, signUp } from './http';
import { type Product, until } from './start/product';
import { openSystem } from './system';

export const numbersUpTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** Starts two API processes and two workers on one database, and signs up a tenant. */
export const openSplit = async () => {
  const system = await openSystem();
  // Settings of the Stripe simulator: the first API process runs it, and all processes use it.
  const stripeSettings = { STRIPE_SIM_PORT: String(await freePort()), BILLING_RETURN_ORIGINS: 'http://127.0.0.1' };
  const startApi = (): Product => system.start({ ROLE: 'api', ...stripeSettings });
  const startWorker = async (): Promise<Product> => {
    const worker = system.start({ ROLE: 'worker', ...stripeSettings });
    await until(() => worker.output().includes('is running in the background'), 60_000);
    return worker;
  };

  const apis = [startApi(), startApi()];
  const [firstUrl, secondUrl, ...started] = await Promise.all([
    ...apis.map((it) => it.ready()),
    ...numbersUpTo(2).map(() => startWorker()),
  ]);
  const urls: [string, string] = [String(firstUrl), String(secondUrl)];
  const workers = started as Product[];
  const account = await signUp(urls[0]);

  /** Sends requests to the two API processes alternately. */
  const urlFor = (number: number): string => urls[number % 2 === 0 ? 0 : 1];
  /** The name of the tenant that the process shows at this position. */
  const nameIn = async (url: string, position: string | null): Promise<string> => {
    const read = await send(url, '/v1/tenant', { token: account.token, headers: { 'if-position': position ?? '' } });
    return read.status === 200 ? (read.body.name ?? '') : `status ${read.status}`;
  };
  const currentETag = async (): Promise<string> =>
    (await send(urls[0], '/v1/tenant', { token: account.token })).headers.get('etag') ?? '';
  const eventsOf = async (tenantId: string): Promise<{ version: number; name: string }[]> => {
    const { rows } = await system.owner.query(
      `select version, data ->> 'name' as name from event_log.events
       where aggregate_id = $1 and aggregate = 'tenant' order by version`,
      [tenantId],
    );
    return rows;
  };

  return {
    ...{ system, apis, urls, workers, account, startApi, startWorker, urlFor, nameIn, currentETag, eventsOf },
    close: () => system.close(),
  };
};
export type Split = Awaited<ReturnType<typeof openSplit>>;
