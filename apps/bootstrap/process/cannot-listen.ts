import { codeOf } from '#platform/error-code';
import { CannotStart } from './cannot-start';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** The setting that contains the port. */
  readonly setting: 'PORT' | 'WORKER_PORT';
}

/** By error code: what the operator has to change if the process cannot listen on the address. */
const SENTENCES: Readonly<Record<string, (address: Address) => string>> = {
  EADDRINUSE: ({ setting, port }) =>
    `${setting} ${port} is in use by another program; stop that program or choose another port. Example: ${setting}=3100`,
  EACCES: ({ setting, port }) =>
    `${setting} ${port} needs rights that this user does not have; choose a port above 1023. Example: ${setting}=3000`,
  EADDRNOTAVAIL: ({ host }) => `HOST ${host} is not an address of this machine. Example: HOST=127.0.0.1`,
  ENOTFOUND: ({ host }) => `HOST ${host} cannot be resolved to an address. Example: HOST=127.0.0.1`,
};

/** A {@link CannotStart} that says what to change; other errors are returned unchanged. */
export const cannotListen = (error: unknown, address: Address): unknown => {
  const sentenceFor = SENTENCES[codeOf(error) ?? ''];
  return sentenceFor ? new CannotStart(sentenceFor(address), { cause: error }) : error;
};
