import { rm } from 'node:fs/promises';
import { running } from './global-setup';

/** Stops the server that the setup has started, and removes its directory. */
export default async (): Promise<void> => {
  await running.postgres?.stop();
  if (running.dataDir) await rm(running.dataDir, { recursive: true, force: true });
};
