import { anAppend, aStream, settle, upTo } from '../../libs/event-log/contract/support';
import { EventStoreDbEventLog } from '../../libs/event-log/eventstoredb';
import { LogUnavailable } from '../../libs/event-log/port';
import type { ScriptedEventStore } from '../support/scripted-eventstore';
import { type ScriptedCluster, startScriptedCluster } from '../support/scripted-eventstore/cluster';
import { IMPATIENT, until, withoutStrayErrors } from './support';

jest.setTimeout(60_000);

describe('a cluster', () => {
  let cluster: ScriptedCluster;
  let log: EventStoreDbEventLog;

  /** Times that the nodes were asked who leads. */
  const asked = (): number => cluster.nodes.reduce((sum, { script }) => sum + script.counts.gossip, 0);
  const open = (options: Partial<ConstructorParameters<typeof EventStoreDbEventLog>[0]> = {}): void => {
    log = new EventStoreDbEventLog({
      connectionString: cluster.connectionString,
      ...IMPATIENT,
      readDeadlineMs: 10_000,
      ...options,
    });
  };
  beforeEach(async () => {
    cluster = await startScriptedCluster();
    open();
  });
  afterEach(async () => {
    await log.close();
    await cluster.close();
  });

  /** A call is tried until the client has found the leader; the test's own timeout ends it. */
  const afterElection = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
      }
    }
  };

  it('that loses its quorum while two reads are under way does not end the process', async () => {
    const [leader] = cluster.nodes as [ScriptedEventStore];
    await log.append(anAppend());
    await withoutStrayErrors(async () => {
      leader.script.holdReads = true;
      const reads = upTo(2).map(() => log.readStream(aStream()));
      await until(() => leader.script.counts.reads === 2);
      cluster.elect(undefined);
      // The first read's next try looks for a leader, and finds none; meanwhile the second read fails.
      const before = asked();
      leader.failReads(1);
      await until(() => asked() > before);
      leader.failReads(1);
      const { lost } = await settle<unknown>(reads);
      for (const error of lost) expect(error).toMatchObject({ name: 'LogUnavailable' });
    });
    leader.script.holdReads = false;
    cluster.elect(1);
    await afterElection(() => log.append(anAppend()));
  });
});
