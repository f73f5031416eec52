import { lookup } from 'node:dns/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '#platform/config/settings';
import { cannotListen } from '../../../bootstrap/process/cannot-listen';

type Address = Pick<Settings, 'port' | 'host'>;

/** @throws CannotStart the address cannot be used; the message says what to change */
export const listen = async (app: NestFastifyApplication, address: Address): Promise<void> => {
  try {
    await app.listen(address.port, await hostOf(address.host));
  } catch (error) {
    throw cannotListen(error, { ...address, setting: 'PORT' });
  }
};

/**
 * Resolves `localhost` to one address. Otherwise Fastify opens a second server for it, to which the limits of
 * connections and the stop do not apply.
 */
const hostOf = async (host: string): Promise<string> =>
  host === 'localhost' ? (await lookup('localhost', { verbatim: true })).address : host;
