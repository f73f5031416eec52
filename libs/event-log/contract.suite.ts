import { appending } from './contract/appending';
import { erasing } from './contract/erasing';
import { failing } from './contract/failing';
import { identifying } from './contract/identifying';
import { racing } from './contract/racing';
import { reading } from './contract/reading';
import { refusing } from './contract/refusing';
import { repeating } from './contract/repeating';
import { subscribing } from './contract/subscribing';
import type { ContractFixture } from './contract/support';
import { upcasting } from './contract/upcasting';

export type { ContractFixture } from './contract/support';

/**
 * Holds an implementation of the event log port to every sentence of `port.ts`. The store may hold other data and have
 * other writers: each test makes its own tenants and streams. Parts that need `reopen` or `breakConnections` pass
 * without them.
 */
export const eventLogContract = (name: string, open: () => Promise<ContractFixture>): void => {
  describe(`${name} keeps the contract of the event log:`, () => {
    let fixture: ContractFixture | undefined;
    const opened = (): ContractFixture => {
      if (!fixture) throw new Error('the fixture is not open');
      return fixture;
    };
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(() => fixture?.close());

    appending(opened);
    refusing(opened);
    repeating(opened);
    identifying(opened);
    racing(opened);
    reading(opened);
    subscribing(opened);
    erasing(opened);
    upcasting(opened);
    failing(opened);
  });
};
