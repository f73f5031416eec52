import { codeOf } from '#platform/error-code';
import { CannotStart } from './cannot-start';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** The setting that the port comes from. */
  readonly setting: 'PORT' | 'WORKER_PORT';
}

/** What the operator has to change where the address cannot be had. */
const MENDS: Readonly<Record<string, (address: Address) => string>> = {
  EADDRINUSE: ({ setting, port }) =>
    `${setting} ${port} is in use by another program; stop that program or choose another port. Example: ${setting}=3100`,
  EACCES: ({ setting, port }) =>
    `${setting} ${port} needs rights that this user does not have; choose a port above 1023. Example: ${setting}=3000`,
  EADDRNOTAVAIL: ({ host }) => `HOST ${host} is not an address of this machine. Example: HOST=127.0.0.1`,
  ENOTFOUND: ({ host }) => `HOST ${host} is a name that cannot be resolved. Example: HOST=127.0.0.1`,
};

/** The error as an operator can use it; itself where it is of another kind. */
export const cannotListen = (error: unknown, address: Address): unknown => {
  const mend = MENDS[codeOf(error) ?? ''];
  return mend ? new CannotStart(mend(address), { cause: error }) : error;
};
