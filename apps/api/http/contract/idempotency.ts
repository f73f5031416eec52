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

/** Stands for the tenant of a request without one. */
const NO_TENANT = '00000000-0000-0000-0000-000000000000';
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;
const WRITES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** Headers that are stored with an answer. All other headers of a replay belong to the request that is repeated. */
const STORED_HEADERS = [
  'content-type',
  'etag',
  'position',
  'location',
  'retry-after',
  'cache-control',
  'www-authenticate',
];

/** Thrown instead of running the command: the stored answer of the same request. */
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
  /** True if the request is a write with an `Idempotency-Key`. */
  appliesTo(request: FastifyRequest): boolean;
  /**
   * Claims the key for this request before its command runs.
   * @throws Replay the same request was answered before
   * @throws Problem validation-failed: the key is malformed
   * @throws Problem idempotency-key-reused: the key was used for another request, or its answer cannot be decrypted
   * @throws Problem request-in-progress: the first request with the key is not answered yet
   */
  begin(request: FastifyRequest, state: RequestState): Promise<void>;
  /** Stores the answer of a request that has claimed its key. Never throws, because the command has already run. */
  finish(state: RequestState, reply: FastifyReply, payload: unknown): Promise<void>;
}

export interface IdempotencyOptions {
  readonly store: IdempotencyStore;
  /** 32 bytes, the same in every process. */
  readonly secretKey: Buffer;
  readonly logger: Logger;
  /** Whether the refresh token with this SHA-256 is valid and was not used yet. */
  readonly isUsableToken: (tokenHash: Buffer) => Promise<boolean>;
}

/** True if the request is a write with an `Idempotency-Key`, so that its answer is stored. */
export const mayBeReplayed = ({ headers, method }: FastifyRequest): boolean =>
  headers['idempotency-key'] !== undefined && WRITES.has(method);

/**
 * Stores the answers of successful writes with an `Idempotency-Key`. Refusals are not stored, because their cause may
 * end. The key is stored with its user or address as one keyed hash, and the answer is encrypted (AES-256-GCM with a key
 * derived from SECRET_KEY), because sign-up and sign-in answer with tokens.
 */
export const createIdempotency = ({ store, secretKey, logger, isUsableToken }: IdempotencyOptions): Idempotency => {
  const hashKey = deriveKey(secretKey, 'idempotency key');
  const sealer = createSealer(deriveKey(secretKey, 'idempotency answer'));

  return {
    appliesTo: mayBeReplayed,

    begin: async (request, state) => {
      const key = request.headers['idempotency-key'];
      if (typeof key !== 'string' || !KEY.test(key)) throw invalidKey();
      const { principal } = state;
      const tenantId = principal?.tenantId ?? NO_TENANT;
      const sender = principal ? `user ${principal.userId}` : `address ${addressKey(request.ip ?? '')}`;
      const keyId = uuidOf(createHmac('sha256', hashKey).update(`${tenantId}\n${sender}\n${key}`).digest());
      const requestHash = hashOf(request);
      const take = () => store.claim({ tenantId, keyId, commandId: state.commandId, requestHash });
      let claim = await take();
      if (claim.outcome === 'answered' && claim.tokenHash && !(await isUsableToken(claim.tokenHash))) {
        // The client has used the token already, or its session has ended: the answer would be of no use.
        await store.discard({ tenantId, keyId, attempt: claim.attempt });
        claim = await take();
      }
      if (claim.outcome === 'mismatch') throw new Problem('idempotency-key-reused', { detail: REUSED });
      if (claim.outcome === 'busy') throw new Problem('request-in-progress', { detail: BUSY, retryAfter: 1 });
      if (claim.outcome === 'answered') {
        const stored = sealer.open(claim.answer, keyId);
        // The answer was stored with another SECRET_KEY. The command has run, so it must not run again.
        if (!stored) throw new Problem('idempotency-key-reused', { detail: REUSED });
        throw unpack(claim.status, stored);
      }
      state.commandId = claim.commandId;
      state.mayRepeat = claim.again;
      state.lease = { tenantId, keyId, attempt: claim.attempt };
    },

    finish: async (state, reply, payload) => {
      const { lease } = state;
      if (!lease) return;
      state.lease = undefined;
      try {
        const body = bytesOf(payload);
        // A refusal may have ended when the request is repeated, so it is not stored: the claim is released, and the
        // command id is kept.
        const isFinal = reply.statusCode < 400 && body !== undefined && state.deniedProblem === undefined;
        const answer = isFinal && {
          ...{ status: reply.statusCode, answer: sealer.seal(pack(reply, body), lease.keyId) },
          ...{ userId: state.answeredUser ?? state.principal?.userId, tokenHash: state.answeredTokenHash },
        };
        await withTimeout(store.settle(lease, answer || undefined));
      } catch (error) {
        // The lease expires later, and a repeat of the request then uses the same command id.
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn({ requestId: state.requestId, reason }, 'the answer of an idempotency key was not stored');
      }
    },
  };
};

/** Longest time in ms to store an answer. The client waits during this time, too. */
const STORE_TIMEOUT_MS = 1_000;

/** @throws the error of `storing`, or an Error after {@link STORE_TIMEOUT_MS} */
const withTimeout = async (storing: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${STORE_TIMEOUT_MS} ms`)), STORE_TIMEOUT_MS);
  });
  try {
    await Promise.race([storing, timeout]);
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
  const { 'if-match': ifMatch = null, 'if-none-match': ifNoneMatch = null } = request.headers;
  const head = JSON.stringify([request.method, request.raw.url, ifMatch, ifNoneMatch]);
  const hash = createHash('sha256').update(`${head}\n`);
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

/** One line of JSON with the headers, then the bytes of the body as they were sent. */
const pack = (reply: FastifyReply, body: Buffer): Buffer => {
  const headers: Record<string, string> = {};
  for (const name of STORED_HEADERS) {
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
