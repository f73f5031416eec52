import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '../../../libs/platform/config/settings';
import { cannotListen } from '../../cannot-listen';

type Address = Pick<Settings, 'port' | 'host'>;

/** @throws CannotStart the address can not be had, and the message says what to change */
export const listen = async (app: NestFastifyApplication, address: Address): Promise<void> => {
  try {
    await app.listen(address.port, address.host);
  } catch (error) {
    throw cannotListen(error, { ...address, setting: 'PORT' });
  }
};
