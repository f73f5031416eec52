import autocannon from 'autocannon';
import { signature } from '#apps/stripe-sim/webhooks/sign';
import { asChild } from '../children';
import type { Pace } from '../options';

export interface CannonInput {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** One connection for each token. An empty text sends no token. */
  readonly tokens: readonly string[];
  /** True: the body of each request contains a new name. */
  readonly naming: boolean;
  /** The secret with which the requests are signed: each request is then a webhook with a new event. */
  readonly signing?: string;
  readonly pace: Pick<Pace, 'seconds' | 'warmUp'>;
}

/** The result of one turn. */
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
    // ms between two samples; less than a second, so that a turn may be shorter than a second.
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
    throw new Error(`${method} ${path}: ${result.non2xx} answers were not 2xx, and ${result.errors} requests failed`);
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

/** A process that sends load over HTTP. */
asChild<CannonInput, Shot>(async (input) => {
  await fire(input, input.pace.warmUp);
  return () => fire(input, input.pace.seconds);
});
