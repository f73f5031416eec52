import { status } from '@grpc/grpc-js';

/**
 * The fault of one append.
 * - `silent`: it is stored and never answered
 * - `cut`: it is stored, then every connection is cut
 * - `cut-before`: every connection is cut, and nothing is stored
 * - `conflict`: it is refused because of its version, whatever the version is
 * - `twice`: it is stored once and answered twice
 * - `timeout`: it is not stored, and answered with a timeout of the server
 * - `timeout-stored`: it is stored, and answered with a timeout of the server
 * - `not-ready`: it is refused, and nothing is stored
 * - `late`: it is neither stored nor answered until `release` is called
 * - `too-large`: it is refused because of its size
 */
export type AppendFault =
  | 'silent'
  | 'cut'
  | 'cut-before'
  | 'denied'
  | 'conflict'
  | 'twice'
  | 'timeout'
  | 'timeout-stored'
  | 'not-ready'
  | 'late'
  | 'too-large';

/** Faults that a script can make the server show. */
export class Script {
  /** Called for each append, in the order of arrival. It returns the fault of the append; undefined: no fault. */
  onAppend: ((stream: string) => AppendFault | undefined) | undefined;
  /** Called for each subscription. True: the subscription is accepted, and nothing is ever sent. */
  onSubscribe: (() => boolean) | undefined;
  /** True: reads are accepted and nothing is sent, until `failReads` ends them. */
  holdReads = false;
  /** Whether the projections of the server run, and whether the user may read their state. */
  projections: 'running' | 'absent' | 'denied' = 'absent';
  /** The role of the node in its cluster. A single node is its own leader. */
  role: 'leader' | 'follower' | 'leaderless' = 'leader';
  /** Whether the gossip of the cluster shows the node as alive. */
  aliveInGossip = true;
  /** True: every read, delete and append is refused, as while a node starts or stops. */
  notReady = false;
  /** The number of calls of each kind that have arrived. `sent` is the number of events sent to subscriptions. */
  readonly counts = { appends: 0, reads: 0, subscriptions: 0, tombstones: 0, sent: 0, gossip: 0 };
  readonly #late: (() => void)[] = [];
  #thaw: (() => void) | undefined;
  #thawed: Promise<void> = Promise.resolve();

  /** From now on, calls are accepted and not answered. */
  freeze(): void {
    if (this.#thaw) return;
    this.#thawed = new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#thaw?.();
    this.#thaw = undefined;
  }

  /** Resolves while the server is not frozen. */
  awake(): Promise<void> {
    return this.#thawed;
  }

  get frozen(): boolean {
    return this.#thaw !== undefined;
  }

  hold(append: () => void): void {
    this.#late.push(append);
  }

  /** Stores and answers the appends with the fault `late`. */
  release(): void {
    for (const append of this.#late.splice(0)) append();
  }

  /** Sets the fault of the next `count` appends. Later ones have no fault. */
  next(fault: AppendFault, count = 1): void {
    let left = count;
    this.onAppend = () => (left-- > 0 ? fault : undefined);
  }
}

export const notReadyStatus = { code: status.UNKNOWN, details: 'Server Is Not Ready' };
