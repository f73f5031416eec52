import { createHmac } from 'node:crypto';
import { deriveKey } from '#platform/encryption';
import { tokenClass } from '#platform/token-class';

const BYTES = 16;

/**
 * What is kept of the network that a session was opened from: enough to know it again, and nothing that could be read or
 * guessed without SECRET_KEY. @param secretKey 32 bytes
 */
export const createNetworkMarks = (secretKey: Buffer) => {
  const key = deriveKey(secretKey, 'client network');
  return (network: string): Buffer => createHmac('sha256', key).update(network).digest().subarray(0, BYTES);
};

export abstract class NetworkMarks extends tokenClass<ReturnType<typeof createNetworkMarks>>() {}
