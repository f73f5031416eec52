import * as gossip from '@eventstore/db-client/generated/gossip_pb';
import type { Empty } from '@eventstore/db-client/generated/shared_pb';
import { Metadata, type ServerUnaryCall, type ServiceError, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Script } from './script';

/** A node of a cluster, for its gossip. */
export interface Member {
  readonly port: number;
  readonly script: Script;
}

export type Members = () => readonly Member[];

const { VNodeState } = gossip.MemberInfo;
const STATES = { leader: VNodeState.LEADER, follower: VNodeState.FOLLOWER, leaderless: VNodeState.UNKNOWN };

/** The gossip call of a node. A frozen node does not answer. `script.aliveInGossip` decides how a node is shown. */
export const readGossip =
  (script: Script, members: Members) =>
  async (_: ServerUnaryCall<Empty, gossip.ClusterInfo>, done: sendUnaryData<gossip.ClusterInfo>): Promise<void> => {
    script.counts.gossip++;
    await script.awake();
    const shown = members().map((member) =>
      new gossip.MemberInfo()
        .setState(STATES[member.script.role])
        .setIsAlive(member.script.aliveInGossip)
        .setHttpEndPoint(new gossip.EndPoint().setAddress('127.0.0.1').setPort(member.port)),
    );
    done(null, new gossip.ClusterInfo().setMembersList(shown));
  };

/**
 * The error with which a node that is not the leader refuses a call that requires the leader; undefined if it accepts
 * it.
 */
export const refusalOf = (script: Script, metadata: Metadata, members: Members): ServiceError | undefined => {
  if (script.role === 'leader' || metadata.get('requires-leader')[0] !== 'true') return undefined;
  const leader = members().find((member) => member.script.role === 'leader');
  const answer = new Metadata();
  if (!leader) {
    const details = 'No leader info available in response';
    return Object.assign(new Error(details), { code: status.UNKNOWN, details, metadata: answer });
  }
  answer.set('exception', 'not-leader');
  answer.set('leader-endpoint-host', '127.0.0.1');
  answer.set('leader-endpoint-port', String(leader.port));
  const details = 'Leader info available';
  return Object.assign(new Error(details), { code: status.NOT_FOUND, details, metadata: answer });
};
