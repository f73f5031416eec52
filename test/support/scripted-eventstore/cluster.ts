import { type ScriptedEventStore, startScriptedEventStore } from '.';
import type { Member } from './gossip';
import { Store } from './store';

/** Nodes with one log, as if replication took no time. The test decides which node leads. */
export interface ScriptedCluster {
  readonly nodes: readonly ScriptedEventStore[];
  /** Contains several hosts, so that the client discovers the leader by gossip. */
  readonly connectionString: string;
  /** Makes the node with this index the leader and the others followers. Undefined: the cluster has lost its quorum. */
  elect(leader: number | undefined): void;
  close(): Promise<void>;
}

/** Starts a cluster whose leader is its first node. */
export const startScriptedCluster = async (count = 3): Promise<ScriptedCluster> => {
  const store = new Store();
  const members: Member[] = [];
  const nodes: ScriptedEventStore[] = [];
  for (let n = 0; n < count; n++) {
    const node = await startScriptedEventStore({ store, members: () => members });
    nodes.push(node);
    members.push(node);
  }
  const elect = (leader: number | undefined): void => {
    for (const [n, { script }] of nodes.entries()) {
      script.role = leader === undefined ? 'leaderless' : n === leader ? 'leader' : 'follower';
    }
  };
  elect(0);
  return {
    nodes,
    connectionString: `esdb://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}?tls=false`,
    elect,
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
};
