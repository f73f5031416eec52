import { lookup } from 'node:dns/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '#platform/config/settings';
import { cannotListen } from '../../../bootstrap/process/cannot-listen';

type Address = Pick<Settings, 'port' | 'host'>;

/** @throws CannotStart the address cannot be had, and the message says what to change */
export const listen = async (app: NestFastifyApplication, address: Address): Promise<void> => {
  try {
    await app.listen(address.port, await hostOf(address.host));
  } catch (error) {
    throw cannotListen(error, { ...address, setting: 'PORT' });
  }
};

/** For `localhost` Fastify opens a second server beside the first, which no limit and no stop of ours would reach. */
const hostOf = async (host: string): Promise<string> =>
  host === 'localhost' ? (await lookup('localhost', { verbatim: true })).address : host;
