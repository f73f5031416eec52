import { appending } from './appending';
import { erasing } from './erasing';
import { failing } from './failing';
import { identifying } from './identifying';
import { racing } from './racing';
import { reading } from './reading';
import { refusing } from './refusing';
import { repeating } from './repeating';
import { subscribing } from './subscribing';
import type { ContractFixture } from './support';
import { upcasting } from './upcasting';

export type { ContractFixture } from './support';

/**
 * Tests an implementation of the event log port against every sentence of `port.ts` and of the folder `port`. The store
 * may hold other data and have other writers, because each test creates its own tenants and streams. If a fixture has
 * no `reopen` or `breakConnections`, the tests that need it pass without testing anything.
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
