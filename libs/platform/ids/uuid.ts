import { createHash, randomFillSync } from 'node:crypto';

const POOL = 1024;
const random = new Uint8Array(POOL * 10);
let used = random.length;
let lastMs = 0;
let counter = 0;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

const format = (b: Uint8Array, o = 0): string => {
  const h = (i: number): string => HEX[b[o + i] as number] as string;
  return `${h(0)}${h(1)}${h(2)}${h(3)}-${h(4)}${h(5)}-${h(6)}${h(7)}-${h(8)}${h(9)}-${h(10)}${h(11)}${h(12)}${h(13)}${h(14)}${h(15)}`;
};

/**
 * A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, a 12-bit counter that keeps the ids of one process in order within
 * a millisecond (method 1 of section 6.2), 62 random bits.
 * @param now Unix milliseconds. An earlier value than that of the last id counts as the same millisecond.
 */
export const uuidv7 = (now: number = Date.now()): string => {
  if (now > lastMs) {
    lastMs = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  if (used + 8 > random.length) {
    randomFillSync(random);
    used = 0;
  }
  const bytes = new Uint8Array(16);
  const ms = lastMs;
  bytes[0] = ms / 2 ** 40;
  bytes[1] = ms / 2 ** 32;
  bytes[2] = ms / 2 ** 24;
  bytes[3] = ms / 2 ** 16;
  bytes[4] = ms / 2 ** 8;
  bytes[5] = ms;
  bytes[6] = 0x70 | (counter >> 8);
  bytes[7] = counter;
  bytes.set(random.subarray(used, used + 8), 8);
  used += 8;
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return format(bytes);
};

/** A UUIDv5 (RFC 9562): SHA-1 of a namespace UUID and a name. The same arguments always return the same id. */
export const uuidv5 = (namespace: string, name: string): string => {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = 0x50 | ((hash[6] as number) & 0x0f);
  hash[8] = 0x80 | ((hash[8] as number) & 0x3f);
  return format(hash);
};

/** A UUIDv7 of the same millisecond as the UUIDv7 `id`. The same arguments always return the same id. */
export const siblingOf = (id: string, name: string): string => {
  const own = Buffer.from(id.replaceAll('-', ''), 'hex');
  const bytes = createHash('sha256').update(own).update(name).digest().subarray(0, 16);
  own.copy(bytes, 0, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return format(bytes);
};

/** The Unix milliseconds of a UUIDv7. */
export const timeOfUuidv7 = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
