import { startContractRun } from './contract-run';
import { deliveries } from './deliveries';
import { handlers } from './handlers';
import { outages } from './outages';
import { schedules } from './schedules';
import { shutdown } from './shutdown';
import type { JobsFixture } from './support';

export type { JobsFixture } from './support';

/** Tests that a transport keeps every sentence of `port.ts`. The server may be shared: each test uses its own queue. */
export const jobsContract = (name: string, start: () => Promise<JobsFixture>): void => {
  describe(`jobs over ${name}`, () => {
    const contract = startContractRun(start);

    deliveries(contract);
    handlers(contract);
    schedules(contract);
    outages(contract);
    shutdown(contract);
  });
};
