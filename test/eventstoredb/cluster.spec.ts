import { anAppend, aStream, follow, settle, upTo, versions } from '#event-log/contract/support';
import { EventStoreDbEventLog } from '#event-log/eventstoredb/index';
import { LogUnavailable } from '#event-log/port';
import type { ScriptedEventStore } from '../support/scripted-eventstore';
import { type ScriptedCluster, startScriptedCluster } from '../support/scripted-eventstore/cluster';
import { IMPATIENT, until, withoutStrayErrors } from './support';

jest.setTimeout(60_000);

describe('a cluster', () => {
  let cluster: ScriptedCluster;
  let log: EventStoreDbEventLog;

  /** The number of times that the nodes were asked for the leader. */
  const gossipRequests = (): number => cluster.nodes.reduce((sum, { script }) => sum + script.counts.gossip, 0);
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

  /** Repeats a call until the client has found the leader, or until the timeout of the test. */
  const afterElection = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
      }
    }
  };

  it('that loses its quorum during two reads does not end the process', async () => {
    const [leader] = cluster.nodes as [ScriptedEventStore];
    await log.append(anAppend());
    await withoutStrayErrors(async () => {
      leader.script.holdReads = true;
      const reads = upTo(2).map(() => log.readStream(aStream()));
      await until(() => leader.script.counts.reads === 2);
      cluster.elect(undefined);
      // The next attempt of the first read searches for a leader and finds none. During that search, the second read
      // fails.
      const before = gossipRequests();
      leader.failReads(1);
      await until(() => gossipRequests() > before);
      leader.failReads(1);
      const { lost } = await settle<unknown>(reads);
      for (const error of lost) expect(error).toMatchObject({ name: 'LogUnavailable' });
    });
    leader.script.holdReads = false;
    cluster.elect(1);
    await afterElection(() => log.append(anAppend()));
  });

  it('whose leader steps down stores the append on the new leader, and the old one receives no append', async () => {
    await log.append(anAppend());
    const before = cluster.nodes[0]?.script.counts.appends;
    cluster.elect(1);
    expect(await log.append(anAppend())).toMatchObject({ version: 1, repeated: false });
    expect(cluster.nodes[0]?.script.counts.appends).toBe(before);
  });

  it('without a leader makes appends and reads wait for the end of the election', async () => {
    await log.close();
    open({ appendDeadlineMs: 30_000 });
    const first = anAppend();
    await log.append(first);
    cluster.elect(undefined);
    const before = gossipRequests();
    const appended = log.append(anAppend({ stream: first.stream, expected: 1 }));
    const read = log.readStream(first.stream);
    await until(() => gossipRequests() > before + 6);
    cluster.elect(2);
    expect(await appended).toMatchObject({ version: 2, repeated: false });
    expect((await read).length).toBeGreaterThan(0);
  });

  it('whose leader freezes and is replaced serves appends and subscriptions without it', async () => {
    await log.close();
    open({ appendDeadlineMs: 30_000, probeIntervalMs: 200, probeDeadlineMs: 1_000 });
    const first = anAppend();
    const { position } = await log.append(first);
    const following = follow(log, { after: position }, (events) => events.length === 2);
    await until(() => cluster.nodes.some((node) => node.subscriptions > 0));
    const [leader] = cluster.nodes as [ScriptedEventStore];
    leader.script.freeze();
    leader.script.aliveInGossip = false;
    cluster.elect(1);
    leader.script.role = 'leaderless';
    expect(await log.append(anAppend({ stream: first.stream, expected: 1 }))).toMatchObject({ version: 2 });
    expect(await log.append(anAppend({ stream: first.stream, expected: 2 }))).toMatchObject({ version: 3 });
    expect(versions((await following).events)).toEqual([2, 3]);
    expect(leader.script.frozen).toBe(true);
    leader.script.thaw();
  });
});
