import { createHmac } from 'node:crypto';
import { deriveKey } from '#platform/encryption';
import { tokenClass } from '#platform/token-class';

const BYTES = 16;

/**
 * Makes the stored form of the network that a session was opened from: the same network has the same mark, and without
 * SECRET_KEY a mark does not reveal its network.
 * @param secretKey 32 bytes
 */
export const createNetworkMarks = (secretKey: Buffer) => {
  const key = deriveKey(secretKey, 'client network');
  return (network: string): Buffer => createHmac('sha256', key).update(network).digest().subarray(0, BYTES);
};

export abstract class NetworkMarks extends tokenClass<ReturnType<typeof createNetworkMarks>>() {}
