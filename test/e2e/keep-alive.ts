import { Agent, type IncomingMessage, request } from 'node:http';

export interface SendResult {
  /** Requests whose answers arrived in full. */
  readonly answered: readonly { readonly status: number; readonly name: string }[];
  /** Descriptions of requests that the server had accepted and did not answer in full. */
  readonly cut: readonly string[];
  /** Number of clients that were refused in the end. */
  readonly refused: number;
}

interface RequestResult {
  readonly kind: 'answered' | 'cut' | 'refused';
  readonly status: number;
  readonly description: string;
}

const bodyOf = async (response: IncomingMessage): Promise<number> => {
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  return bytes;
};

/**
 * Sends one PATCH over the connection of the agent. The result is `refused` if the server never accepted the request:
 * it refused the connection, or reset a new connection before an answer.
 */
const send = (url: string, agent: Agent, token: string, name: string): Promise<RequestResult> =>
  new Promise((resolve) => {
    const body = JSON.stringify({ name });
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const outgoing = request(`${url}/v1/tenant`, { method: 'PATCH', agent, headers }, (response) => {
      const status = response.statusCode ?? 0;
      bodyOf(response).then(
        (bytes) =>
          resolve({ kind: bytes > 0 ? 'answered' : 'cut', status, description: `${status} with ${bytes} bytes` }),
        (error: Error) => resolve({ kind: 'cut', status, description: `${error.message} during the answer` }),
      );
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isNew = !outgoing.reusedSocket;
      const refused = error.code === 'ECONNREFUSED' || (isNew && error.code === 'ECONNRESET');
      resolve({
        kind: refused ? 'refused' : 'cut',
        status: 0,
        description: `${error.code} on ${isNew ? 'a new' : 'an open'} connection`,
      });
    });
    outgoing.end(body);
  });

/**
 * Starts one client for each token, with one keep-alive connection each. A client sends one request after the other
 * until it is refused.
 * @param label first part of the names that the clients send
 * @param onAnswer is called for each answer, with the number of answers so far
 */
export const sendUntilRefused = async (
  url: string,
  tokens: readonly string[],
  label: string,
  onAnswer: (count: number) => void,
): Promise<SendResult> => {
  const answered: { status: number; name: string }[] = [];
  const cut: string[] = [];
  let refused = 0;
  const client = async (token: string, number: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; ; round++) {
      const name = `${label} ${number} ${round}`;
      const result = await send(url, agent, token, name);
      if (result.kind === 'answered') onAnswer(answered.push({ status: result.status, name }));
      if (result.kind === 'cut') cut.push(`${name}: ${result.description}`);
      if (result.kind === 'refused') break;
    }
    refused += 1;
    agent.destroy();
  };
  await Promise.all(tokens.map(client));
  return { answered, cut, refused };
};
