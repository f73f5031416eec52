import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { Position } from '#event-log/port';
import { deriveKey } from '#platform/encryption';
import { Problem } from '#platform/problems';

export interface PositionTokens {
  /** 22 characters of base64url. */
  seal(tenantId: string, position: Position): string;
  /** @throws Problem validation-failed at `/header/If-Position`: malformed, or not of this tenant */
  open(tenantId: string, token: string): Position;
}

const TOKEN = /^[A-Za-z0-9_-]{22}$/;
/** Tenants whose mark is remembered, so that sealing costs one block of AES. */
const REMEMBERED = 10_000;

/**
 * The tokens of `Position` and `If-Position`. A token is one AES block of the position and a mark of the tenant. It is
 * encrypted, and not only signed, because positions are of the whole log: two of them in the clear would tell one
 * tenant how much all others wrote in between. Any change makes the whole block random, and it passes for a token of
 * the tenant once in 2^64 (encode-then-encipher, Bellare and Rogaway 2000).
 */
export const createPositionTokens = (secretKey: Buffer): PositionTokens => {
  const cipherKey = deriveKey(secretKey, 'position token');
  const markKey = deriveKey(secretKey, 'position token tenant');
  const marks = new Map<string, Buffer>();

  const markOf = (tenantId: string): Buffer => {
    const known = marks.get(tenantId);
    if (known) return known;
    const mark = createHmac('sha256', markKey).update(tenantId).digest().subarray(0, 8);
    if (marks.size >= REMEMBERED) marks.clear();
    marks.set(tenantId, mark);
    return mark;
  };

  return {
    seal: (tenantId, position) => {
      const block = Buffer.allocUnsafe(16);
      block.writeBigUInt64BE(position);
      markOf(tenantId).copy(block, 8);
      return createCipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false).update(block).toString('base64url');
    },
    open: (tenantId, token) => {
      const sealed = Buffer.from(token, 'base64url');
      if (!TOKEN.test(token) || sealed.length !== 16) throw invalid();
      const block = createDecipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false).update(sealed);
      if (!block.subarray(8).equals(markOf(tenantId))) throw invalid();
      return block.readBigUInt64BE();
    },
  };
};

const invalid = (): Problem =>
  new Problem('validation-failed', {
    detail: 'If-Position does not contain a position of this tenant. Send the Position from an earlier answer.',
    errors: [{ pointer: '/header/If-Position', message: 'must be a Position from an earlier answer of this tenant' }],
  });
