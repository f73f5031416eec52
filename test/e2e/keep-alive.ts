import { Agent, type IncomingMessage, request } from 'node:http';

export interface SendResult {
  /** Requests whose answers arrived in full. */
  readonly answered: readonly { readonly status: number; readonly name: string }[];
  /** Descriptions of requests that the server had accepted and did not answer in full. */
  readonly cut: readonly string[];
  /** The names in the requests that the server did not accept: the last one of each client. */
  readonly refused: readonly string[];
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
 * ms for which the server keeps an idle connection open after its stop began. On a busy machine, a client may need longer
 * to send its next request; the server has then closed the connection, and did not accept the request.
 */
const IDLE_MS = 500;

/**
 * Sends one PATCH over the connection of the agent. The result is `refused` if the server never accepted the request:
 * it refused the connection, or reset a new connection before an answer, or one that may have been idle for too long.
 * @param sinceLast ms since the last request of this connection was sent
 */
const send = (url: string, agent: Agent, token: string, name: string, sinceLast: number): Promise<RequestResult> =>
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
      const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      const refused = error.code === 'ECONNREFUSED' || (isReset && (isNew || sinceLast >= IDLE_MS));
      resolve({
        kind: refused ? 'refused' : 'cut',
        status: 0,
        description: `${error.code} on ${isNew ? 'a new' : 'an open'} connection, ${Math.round(sinceLast)} ms after the last request`,
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
  const refused: string[] = [];
  const client = async (token: string, number: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let lastSentAt = performance.now();
    for (let round = 0; ; round++) {
      const name = `${label} ${number} ${round}`;
      const now = performance.now();
      const result = await send(url, agent, token, name, now - lastSentAt);
      lastSentAt = now;
      if (result.kind === 'answered') onAnswer(answered.push({ status: result.status, name }));
      if (result.kind === 'cut') cut.push(`${name}: ${result.description}`);
      if (result.kind === 'refused') {
        refused.push(name);
        break;
      }
    }
    agent.destroy();
  };
  await Promise.all(tokens.map(client));
  return { answered, cut, refused };
};
