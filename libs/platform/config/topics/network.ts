import { integer, origins, proxies, publicUrl, text } from '../kinds';

/** The settings of the topic "Network". */
export const NETWORK = {
  HOST: text('127.0.0.1', /^[A-Za-z0-9.:_-]+$/, 'a host name or address', {
    description: 'The address on which the HTTP server listens. 0.0.0.0 means all IPv4 addresses of the machine.',
  }),
  PORT: integer(3000, 0, 65_535, {
    description: 'The port of the HTTP API. 0: a free port is chosen and printed at the start.',
  }),
  WORKER_PORT: integer(3002, 0, 65_535, {
    description:
      'The port on which a process with ROLE=worker serves /healthz, /readyz and /metrics. Workers on the same machine need different ports. 0: a free port is chosen and printed at the start.',
  }),
  PUBLIC_URL: publicUrl({
    description:
      'The URL under which clients reach the API. It is used for links in answers. Unset: the address and port of the HTTP server.',
    example: 'https://api.example.com',
  }),
  TRUST_PROXY: proxies({
    description:
      'The proxies whose X-Forwarded-For header is trusted: false for none, the number of proxies in front of this process (at most 32), or their addresses and ranges, separated by commas. loopback, linklocal and uniquelocal name the usual ranges.',
    example: '10.0.0.0/8,loopback',
  }),
  CORS_ORIGINS: origins({
    description:
      'The origins of the browser applications that may call the API, separated by commas. Unset: no other origin may call it.',
    example: 'https://app.example.com',
  }),
} as const;
