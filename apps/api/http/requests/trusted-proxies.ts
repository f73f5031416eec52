import { BlockList, isIP } from 'node:net';

/** The proxies whose `X-Forwarded-For` is used: none, a number of them in a row, or addresses and ranges. */
export type TrustProxy = false | number | readonly string[];

/** The ranges for which Fastify accepts a name. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/**
 * The option `trustProxy` of Fastify. Fastify 5 ignores a number, so a number becomes a function of the proxy's
 * distance.
 */
export const fastifyTrustProxy = (
  trusted: TrustProxy,
): false | string[] | ((address: string, hop: number) => boolean) => {
  if (typeof trusted === 'number') return (_, hop) => hop < trusted;
  return trusted === false ? false : [...trusted];
};

/** `203.0.113.7:50123` → `203.0.113.7`, and `[2001:db8::7]:50123` → `2001:db8::7`. */
const withoutPort = (entry: string): string =>
  /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry)?.[1] ?? entry;

/**
 * The value of `X-Forwarded-For` without the ports that some proxies add to addresses. Otherwise each connection of a
 * client would count as another address, and the address of a trusted proxy would not be recognised.
 */
export const forwardedWithoutPorts = (field: string): string =>
  field
    .split(',')
    .map((entry) => withoutPort(entry.trim()))
    .join(', ');

/**
 * Returns a function that is true for the address of a proxy. With a number of proxies, every address counts as one.
 */
export const isProxyOf = (trusted: TrustProxy): ((address: string) => boolean) => {
  if (trusted === false) return () => false;
  if (typeof trusted === 'number') return () => trusted > 0;
  const ranges = new BlockList();
  for (const range of trusted.flatMap((it) => NAMED[it] ?? [it])) {
    const [address = '', bits] = range.split('/');
    const type = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) ranges.addAddress(address, type);
    else ranges.addSubnet(address, Number(bits), type);
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const version = isIP(plain);
    return version !== 0 && ranges.check(plain, version === 6 ? 'ipv6' : 'ipv4');
  };
};
