import autocannon from 'autocannon';
import { signature } from '#apps/stripe-sim/webhooks/sign';
import { asChild } from '../children';
import type { Pace } from '../options';

export interface CannonInput {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** One connection each; an empty one sends no token. */
  readonly tokens: readonly string[];
  /** Each request brings a name that none brought before. */
  readonly naming: boolean;
  /** Each is a webhook, signed with this secret, of an event that none told of before. */
  readonly signing?: string;
  readonly pace: Pick<Pace, 'seconds' | 'warmUp'>;
}

export interface Shot {
  readonly perSecond: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
}

const fire = async (input: CannonInput, seconds: number): Promise<Shot> => {
  const { url, method, path, tokens, naming, signing } = input;
  let connection = 0;
  let sent = 0;
  const result = await autocannon({
    url,
    connections: tokens.length,
    duration: seconds,
    // More often than each second, so that less than a second can be measured.
    ...({ sampleInt: 250 } as object),
    setupClient: (client) => {
      const token = tokens[connection++ % tokens.length];
      client.setRequests([
        {
          method,
          path,
          headers: {
            ...(token && { authorization: `Bearer ${token}` }),
            ...(naming && { 'content-type': 'application/json' }),
          },
          ...(naming && {
            setupRequest: (request) =>
              signing === undefined
                ? { ...request, body: `{"name":"Acme ${process.pid} ${++sent}"}` }
                : { ...request, ...webhook(++sent, signing, request.headers) },
          }),
        },
      ]);
    },
  });
  if (result.errors > 0 || result.non2xx > 0)
    throw new Error(`${method} ${path}: ${result.non2xx} answers were no success, ${result.errors} requests failed`);
  return { perSecond: result['2xx'] / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
};

const webhook = (sent: number, secret: string, headers: object | undefined) => {
  const seconds = Math.floor(Date.now() / 1_000);
  const body = JSON.stringify({
    ...{ id: `evt_${process.pid}_${sent}`, object: 'event', type: 'plan.updated', created: seconds, livemode: false },
    data: { object: { id: 'plan', object: 'plan', metadata: {} } },
  });
  return { body, headers: { ...headers, 'stripe-signature': signature(body, [secret], seconds) } };
};

/** Load over HTTP from a process of its own. */
asChild<CannonInput, Shot>(async (input) => {
  await fire(input, input.pace.warmUp);
  return () => fire(input, input.pace.seconds);
});
