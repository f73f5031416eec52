import { rm } from 'node:fs/promises';
import { running } from './global-setup';

/** Stops the server that the setup has started, and removes the directories of the run. */
export default async (): Promise<void> => {
  await running.postgres?.stop();
  for (const folder of [running.dataDir, running.documents]) {
    if (folder) await rm(folder, { recursive: true, force: true });
  }
};
