import { createHash, createHmac } from 'node:crypto';
import { deriveKey } from '#platform/encryption';
import { tokenClass } from '#platform/token-class';

/** What is kept of a token: SHA-256 in hexadecimal. Of 256 random bits nothing slower is needed. */
export const hashOfToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * The tokens of invitations: 256 bits that nobody can guess who lacks the server's key. A token is made of its
 * invitation's id and kept nowhere, so that a repeat of the request whose answer was lost tells the same one.
 */
export const createInvitationTokens = (secretKey: Buffer) => {
  const key = deriveKey(secretKey, 'invitation tokens');
  return {
    /** base64url, 43 characters. */
    tokenOf: (invitationId: string): string => createHmac('sha256', key).update(invitationId).digest('base64url'),
  };
};

export abstract class InvitationTokens extends tokenClass<ReturnType<typeof createInvitationTokens>>() {}
