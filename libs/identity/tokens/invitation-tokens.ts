import { createHash, createHmac } from 'node:crypto';
import { deriveKey } from '#platform/encryption';
import { tokenClass } from '#platform/token-class';

/** The stored form of a token: SHA-256 in hexadecimal. A token has 256 random bits, so a slow hash is not needed. */
export const hashOfToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * The tokens of invitations: 256 bits that cannot be guessed without SECRET_KEY. A token is computed from the id of its
 * invitation and not stored, so that a repeat of a request whose answer was lost returns the same token.
 * @param secretKey 32 bytes
 */
export const createInvitationTokens = (secretKey: Buffer) => {
  const key = deriveKey(secretKey, 'invitation tokens');
  return {
    /** @returns 43 characters of base64url */
    tokenOf: (invitationId: string): string => createHmac('sha256', key).update(invitationId).digest('base64url'),
  };
};

export abstract class InvitationTokens extends tokenClass<ReturnType<typeof createInvitationTokens>>() {}
