import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { Position } from '#event-log/port';
import { deriveKey } from '#platform/encryption';
import { Problem } from '#platform/problems';

export abstract class PositionTokens {
  /** @returns 22 characters of base64url */
  abstract seal(tenantId: string, position: Position): string;
  /** @throws Problem validation-failed at `/header/If-Position`: the token is malformed or belongs to another tenant */
  abstract open(tenantId: string, token: string): Position;
}

const TOKEN = /^[A-Za-z0-9_-]{22}$/;
/** Maximum number of tenants whose tag is cached, so that sealing a token costs one block of AES only. */
const MAX_CACHED_TAGS = 10_000;

/**
 * The tokens in `Position` and `If-Position`. A token is one AES block with the position and a tag of the tenant. It is
 * encrypted, and not only signed, because positions belong to the whole event log: two readable positions would reveal
 * to one tenant how many events all tenants stored in between. A changed token decrypts to a random block, which has
 * the tag of the tenant with a probability of 2^-64 (encode-then-encipher, Bellare and Rogaway 2000).
 * @param secretKey 32 bytes, the same in every process
 */
export const createPositionTokens = (secretKey: Buffer): PositionTokens => {
  const cipherKey = deriveKey(secretKey, 'position token');
  const tagKey = deriveKey(secretKey, 'position token tenant');
  const tags = new Map<string, Buffer>();

  const tagOf = (tenantId: string): Buffer => {
    const cached = tags.get(tenantId);
    if (cached) return cached;
    const tag = createHmac('sha256', tagKey).update(tenantId).digest().subarray(0, 8);
    if (tags.size >= MAX_CACHED_TAGS) tags.clear();
    tags.set(tenantId, tag);
    return tag;
  };

  return {
    seal: (tenantId, position) => {
      const block = Buffer.allocUnsafe(16);
      block.writeBigUInt64BE(position);
      tagOf(tenantId).copy(block, 8);
      return createCipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false).update(block).toString('base64url');
    },
    open: (tenantId, token) => {
      const sealed = Buffer.from(token, 'base64url');
      if (!TOKEN.test(token) || sealed.length !== 16) throw invalid();
      const block = createDecipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false).update(sealed);
      if (!block.subarray(8).equals(tagOf(tenantId))) throw invalid();
      return block.readBigUInt64BE();
    },
  };
};

const invalid = (): Problem =>
  new Problem('validation-failed', {
    detail: 'If-Position does not contain a position of this tenant. Send the Position from an earlier answer.',
    errors: [{ pointer: '/header/If-Position', message: 'must be a Position from an earlier answer of this tenant' }],
  });
