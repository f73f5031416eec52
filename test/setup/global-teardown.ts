import { rm } from 'node:fs/promises';
import { running } from './global-setup';

/** Ends what the setup has started, and nothing else. */
export default async (): Promise<void> => {
  await running.postgres?.stop();
  if (running.dataDir) await rm(running.dataDir, { recursive: true, force: true });
};
