import { createHash, createHmac } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createSealer, deriveKey } from '#platform/encryption';
import type { IdempotencyStore } from '#platform/idempotency/store';
import type { Logger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import { addressKey } from '../limits/rate-limits';
import type { WithRawBody } from '../requests/json-body';
import type { RequestState } from '../requests/request-context';
import { invalid } from '../validation/validation';

const NOBODY = '00000000-0000-0000-0000-000000000000';
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;
const WRITES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** What a replay repeats; all other fields are of the request that asks now. */
const KEPT = ['content-type', 'etag', 'position', 'location', 'retry-after', 'cache-control', 'www-authenticate'];

/** Thrown in place of running the command: the answer that the same request had before. */
export class Replay extends Error {
  override readonly name = 'Replay';
  constructor(
    private readonly status: number,
    private readonly headers: Readonly<Record<string, string>>,
    private readonly body: Buffer,
  ) {
    super('replay');
  }

  send(reply: FastifyReply): void {
    reply.code(this.status).headers(this.headers).header('idempotent-replayed', 'true');
    reply.send(this.body.length > 0 ? this.body : undefined);
  }
}

export interface Idempotency {
  /** True where the request has a key that counts. */
  concerns(request: FastifyRequest): boolean;
  /**
   * Binds the key to this request's command before it runs.
   * @throws Replay it was answered before
   * @throws Problem validation-failed, idempotency-key-reused, request-in-progress
   */
  begin(request: FastifyRequest, state: RequestState): Promise<void>;
  /** Keeps the answer of a request that holds a claim. Never throws: the command has run, whatever becomes of this. */
  finish(state: RequestState, reply: FastifyReply, payload: unknown): Promise<void>;
}

export interface IdempotencyOptions {
  readonly store: IdempotencyStore;
  readonly secretKey: Buffer;
  readonly logger: Logger;
}

/** True where the request has a key under which its answer is kept. */
export const mayBeReplayed = ({ headers, method }: FastifyRequest): boolean =>
  headers['idempotency-key'] !== undefined && WRITES.has(method);

/**
 * `Idempotency-Key`. What is stored reveals nothing: the key, its user and address are one keyed hash, and the
 * answer is encrypted (AES-256-GCM, a key derived from SECRET_KEY), because sign-up and sign-in answer with tokens.
 */
export const createIdempotency = ({ store, secretKey, logger }: IdempotencyOptions): Idempotency => {
  const hashKey = deriveKey(secretKey, 'idempotency key');
  const sealer = createSealer(deriveKey(secretKey, 'idempotency answer'));

  return {
    concerns: mayBeReplayed,

    begin: async (request, state) => {
      const key = request.headers['idempotency-key'];
      if (typeof key !== 'string' || !KEY.test(key)) throw invalidKey();
      const { principal } = state;
      const tenantId = principal?.tenantId ?? NOBODY;
      const who = principal ? `user ${principal.userId}` : `address ${addressKey(request.ip ?? '')}`;
      const keyId = uuidOf(createHmac('sha256', hashKey).update(`${tenantId}\n${who}\n${key}`).digest());
      const requestHash = hashOf(request);
      const claimed = await store.claim({ tenantId, keyId, commandId: state.commandId, requestHash });
      if (claimed.outcome === 'mismatch') throw new Problem('idempotency-key-reused', { detail: REUSED });
      if (claimed.outcome === 'busy') throw new Problem('request-in-progress', { detail: BUSY, retryAfter: 1 });
      if (claimed.outcome === 'answered') {
        const stored = sealer.open(claimed.answer, keyId);
        // Only another SECRET_KEY makes it unreadable; running the command again could do it twice.
        if (!stored) throw new Problem('idempotency-key-reused', { detail: REUSED });
        throw unpack(claimed.status, stored);
      }
      state.commandId = claimed.commandId;
      state.mayRepeat = claimed.again;
      state.lease = { tenantId, keyId, attempt: claimed.attempt };
    },

    finish: async (state, reply, payload) => {
      const { lease } = state;
      if (!lease) return;
      state.lease = undefined;
      try {
        const body = bytesOf(payload);
        // What may go better next time is not kept: the claim is given up, and the command id stays.
        const passing =
          reply.statusCode >= 500 || reply.statusCode === 429 || body === undefined || state.denied !== undefined;
        await patiently(
          passing
            ? store.settle(lease, undefined, undefined)
            : store.settle(
                lease,
                reply.statusCode,
                sealer.seal(pack(reply, body), lease.keyId),
                state.answeredUser ?? state.principal?.userId,
              ),
        );
      } catch (error) {
        // Left as it is, the lease runs out and a repeat finds the same command id.
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn({ requestId: state.requestId, reason }, 'the answer of an idempotency key was not kept');
      }
    },
  };
};

/** ms that an answer waits to be kept; the client waits for it too. */
const PATIENCE_MS = 1_000;

/** @throws what `keeping` throws, or that it takes too long */
const patiently = async (keeping: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it took too long')), PATIENCE_MS);
  });
  try {
    await Promise.race([keeping, late]);
  } finally {
    clearTimeout(timer);
  }
};

const REUSED = 'This Idempotency-Key was already used for another request. Use a new key for each request.';
const BUSY =
  'The first request with this Idempotency-Key is still in progress. Repeat the request later to get its answer.';

const invalidKey = (): Problem =>
  invalid([{ pointer: '/header/Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' }]);

const hashOf = (request: WithRawBody): Buffer => {
  const hash = createHash('sha256').update(`${request.method} ${request.raw.url}\n`);
  return (request.rawBody ? hash.update(request.rawBody) : hash).digest();
};

const uuidOf = (hash: Buffer): string => {
  const hex = hash.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

const bytesOf = (payload: unknown): Buffer | undefined => {
  if (payload === undefined || payload === null) return Buffer.alloc(0);
  if (typeof payload === 'string') return Buffer.from(payload);
  return Buffer.isBuffer(payload) ? payload : undefined;
};

/** A line of JSON with the headers, then the body's bytes as they went out. */
const pack = (reply: FastifyReply, body: Buffer): Buffer => {
  const headers: Record<string, string> = {};
  for (const name of KEPT) {
    const value = reply.getHeader(name);
    if (value !== undefined) headers[name] = String(value);
  }
  return Buffer.concat([Buffer.from(`${JSON.stringify(headers)}\n`), body]);
};

const unpack = (status: number, stored: Buffer): Replay => {
  const end = stored.indexOf(0x0a);
  const headers = JSON.parse(stored.toString('utf8', 0, end)) as Record<string, string>;
  return new Replay(status, headers, stored.subarray(end + 1));
};
