import { type ScriptedEventStore, startScriptedEventStore } from '.';
import type { Member } from './gossip';
import { Store } from './store';

/** Nodes with one log, as if replication took no time. Which of them leads, the test says. */
export interface ScriptedCluster {
  readonly nodes: readonly ScriptedEventStore[];
  /** Several hosts, so that the client discovers the leader by gossip. */
  readonly connectionString: string;
  /** The node of this number leads, the others follow it; undefined: the cluster has lost its quorum. */
  elect(leader: number | undefined): void;
  close(): Promise<void>;
}

/** A cluster led by its first node. */
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
