import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '../../../libs/platform/config/settings';
import { codeOf } from '../../../libs/platform/error-code';
import { CannotStart } from '../../cannot-start';

/** What the operator has to change where the address can not be had. */
const MENDS: Readonly<Record<string, (settings: Address) => string>> = {
  EADDRINUSE: ({ port }) =>
    `PORT ${port} is taken by another program; end that one, or choose another. Example: PORT=3100`,
  EACCES: ({ port }) => `PORT ${port} needs rights that this user has not; choose one above 1023. Example: PORT=3000`,
  EADDRNOTAVAIL: ({ host }) => `HOST ${host} is no address of this machine. Example: HOST=127.0.0.1`,
  ENOTFOUND: ({ host }) => `HOST ${host} is a name that nobody knows. Example: HOST=127.0.0.1`,
};

type Address = Pick<Settings, 'port' | 'host'>;

/** @throws CannotStart the address can not be had, and the message says what to change */
export const listen = async (app: NestFastifyApplication, address: Address): Promise<void> => {
  try {
    await app.listen(address.port, address.host);
  } catch (error) {
    const mend = MENDS[codeOf(error) ?? ''];
    throw mend ? new CannotStart(mend(address), { cause: error }) : error;
  }
};
