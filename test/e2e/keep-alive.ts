import { Agent, type IncomingMessage, request } from 'node:http';

export interface SentUntilRefused {
  /** Whose whole answer came. */
  readonly answered: readonly { readonly status: number; readonly name: string }[];
  /** What the server had taken and did not answer in full. */
  readonly cut: readonly string[];
  /** Clients that were refused a connection in the end. */
  readonly refused: number;
}

interface Sent {
  readonly kind: 'answered' | 'cut' | 'refused';
  readonly status: number;
  readonly told: string;
}

const bodyOf = async (response: IncomingMessage): Promise<number> => {
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  return bytes;
};

/** One PATCH over the agent's connection. Refused is what never was let in: no connection, or one that was closed unused. */
const send = (url: string, agent: Agent, token: string, name: string): Promise<Sent> =>
  new Promise((resolve) => {
    const body = JSON.stringify({ name });
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sending = request(`${url}/v1/tenant`, { method: 'PATCH', agent, headers }, (response) => {
      const status = response.statusCode ?? 0;
      bodyOf(response).then(
        (bytes) => resolve({ kind: bytes > 0 ? 'answered' : 'cut', status, told: `${status} with ${bytes} bytes` }),
        (error: Error) => resolve({ kind: 'cut', status, told: `${error.message} in the midst of the answer` }),
      );
    });
    sending.on('error', (error: NodeJS.ErrnoException) => {
      const fresh = !sending.reusedSocket;
      const refused = error.code === 'ECONNREFUSED' || (fresh && error.code === 'ECONNRESET');
      resolve({
        kind: refused ? 'refused' : 'cut',
        status: 0,
        told: `${error.code} on a connection that was ${fresh ? 'new' : 'open'}`,
      });
    });
    sending.end(body);
  });

/** One client a token, each with one connection: it sends one request after the other until it is refused. */
export const sendUntilRefused = async (
  url: string,
  tokens: readonly string[],
  label: string,
): Promise<SentUntilRefused> => {
  const answered: { status: number; name: string }[] = [];
  const cut: string[] = [];
  let refused = 0;
  const client = async (token: string, number: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; ; round++) {
      const name = `${label} ${number} ${round}`;
      const sent = await send(url, agent, token, name);
      if (sent.kind === 'answered') answered.push({ status: sent.status, name });
      if (sent.kind === 'cut') cut.push(`${name}: ${sent.told}`);
      if (sent.kind === 'refused') break;
    }
    refused += 1;
    agent.destroy();
  };
  await Promise.all(tokens.map(client));
  return { answered, cut, refused };
};
