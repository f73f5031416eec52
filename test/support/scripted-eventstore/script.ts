import { status } from '@grpc/grpc-js';

/**
 * What befalls one append.
 * `silent`: stored, never answered. `cut`: stored, then every connection is cut. `cut-before`: cut, nothing stored.
 * `conflict`: refused for its version, whatever it is. `twice`: stored and answered twice. `timeout`: not stored, the
 * server times out. `timeout-stored`: the same, but stored. `not-ready`: refused, nothing stored. `late`: neither stored
 * nor answered until `release` is called. `too-large`: refused for its size.
 */
export type AppendFault =
  | 'silent'
  | 'cut'
  | 'cut-before'
  | 'conflict'
  | 'twice'
  | 'timeout'
  | 'timeout-stored'
  | 'not-ready'
  | 'late'
  | 'too-large';

/** Faults that a script can make the server show. */
export class Script {
  /** Asked for each append in the order of arrival; undefined: nothing befalls it. */
  onAppend: ((stream: string) => AppendFault | undefined) | undefined;
  /** Asked for each subscription; true: it is accepted, and nothing is ever sent. */
  onSubscribe: (() => boolean) | undefined;
  /** Reads are accepted, and nothing is sent; `failReads` ends them. */
  holdReads = false;
  /** Whether the server's own projections run here, and whether the user may see them. */
  projections: 'running' | 'absent' | 'denied' = 'absent';
  /** Its part in the cluster; a single node leads itself. */
  role: 'leader' | 'follower' | 'leaderless' = 'leader';
  /** Whether the cluster takes it for alive. */
  aliveInGossip = true;
  /** Every read, delete and append is refused, as while a node starts or stops. */
  notReady = false;
  /** How many of each have arrived; `sent` are the events of subscriptions. */
  readonly counts = { appends: 0, reads: 0, subscriptions: 0, tombstones: 0, sent: 0, gossip: 0 };
  readonly #late: (() => void)[] = [];
  #thaw: (() => void) | undefined;
  #thawed: Promise<void> = Promise.resolve();

  /** From now on everything is accepted and nothing answered. */
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

  /** Lets the appends that were `late` reach the log. */
  release(): void {
    for (const append of this.#late.splice(0)) append();
  }

  /** The fault for the next `count` appends; after them the server is well again. */
  next(fault: AppendFault, count = 1): void {
    let left = count;
    this.onAppend = () => (left-- > 0 ? fault : undefined);
  }
}

export const notReadyStatus = { code: status.UNKNOWN, details: 'Server Is Not Ready' };
