import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** A key of 32 bytes for one purpose, derived from SECRET_KEY (HKDF-SHA256, RFC 5869). */
export const deriveKey = (secretKey: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secretKey, '', `tenantry ${purpose}`, 32));

const NONCE = 12;
const TAG = 16;

export interface Sealer {
  /** Encrypts `plain` and binds it to `context`: `open` succeeds only with the same context. Adds 28 bytes. */
  seal(plain: Buffer, context: string): Buffer;
  /** The plain bytes; undefined if `sealed` was made with another key or context, or was changed since. */
  open(sealed: Buffer, context: string): Buffer | undefined;
}

/**
 * Encrypts with AES-256-GCM and a random nonce. The output is nonce (12 bytes), tag (16 bytes), ciphertext.
 * @param key 32 bytes
 */
export const createSealer = (key: Buffer): Sealer => ({
  seal: (plain, context) => {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
    const text = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]);
  },
  open: (sealed, context) => {
    if (sealed.length < NONCE + TAG) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG });
    decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(NONCE + TAG)), decipher.final()]);
    } catch {
      return undefined;
    }
  },
});
