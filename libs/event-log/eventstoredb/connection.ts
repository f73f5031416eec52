import type { EventStoreDBClient } from '@eventstore/db-client';
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { Empty } from '@eventstore/db-client/generated/shared_pb';
import type { Channel } from '@grpc/grpc-js';
import { LogUnavailable } from '../port';
import { connect, disconnect, internalsOf, leave } from './client';
import { GRPC } from './errors';

export interface ConnectionOptions {
  readonly connectionString: string;
  /** ms between two probes of the node while calls wait for it. */
  readonly probeIntervalMs: number;
  /** ms in which the node must answer a probe. */
  readonly probeDeadlineMs: number;
  /** ms after the first failure in which calls are tried again. */
  readonly patienceMs: number;
}

interface Call {
  channel: Channel | undefined;
  readonly onLost: (error: LogUnavailable) => void;
}

/** If a timer fires more than this many ms late, this process itself was suspended, and the probe proves nothing. */
const OWN_DELAY_MS = 1_000;

/**
 * The connection to the one node that the client uses: the leader, if there is one. Every call runs on it. When the
 * node is left, every call in progress fails and can be repeated on the next node. The client itself detects a node
 * that refuses calls, but not a frozen one. So the node is probed while calls wait for it.
 */
export class Connection {
  readonly client: EventStoreDBClient;
  readonly #options: ConnectionOptions;
  readonly #calls = new Set<Call>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #unavailableSince: number | undefined;

  /** @throws InvalidConnectionString */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.client = connect(options.connectionString, (channel) => this.#failCalls(channel));
  }

  /**
   * The time (ms since 1970) until which a call that finds no node or no leader is tried again. An election takes one
   * or two seconds. The time is counted from the first failure, so that in a long outage later calls fail soon.
   */
  get retryUntil(): number {
    this.#unavailableSince ??= Date.now();
    return this.#unavailableSince + this.#options.patienceMs;
  }

  /** Must be called when a node has answered a call. It ends the outage that `retryUntil` counts. */
  answered(): void {
    this.#unavailableSince = undefined;
  }

  /**
   * Watches the node for a call that begins now.
   * @param onLost called at most once, when the node is left
   * @returns a function that ends the watch
   */
  watch(onLost: (error: LogUnavailable) => void): () => void {
    const call: Call = { channel: undefined, onLost };
    this.#calls.add(call);
    internalsOf(this.client)
      .getChannel()
      .then(
        (channel) => {
          call.channel = channel;
        },
        // The call itself receives the same error.
        () => undefined,
      );
    this.#schedule();
    return () => {
      this.#calls.delete(call);
    };
  }

  /** Leaves the present node, which answers but cannot serve calls. The next call searches for the leader. */
  async leaveNode(reason: string): Promise<void> {
    const channel = await internalsOf(this.client)
      .getChannel()
      .catch(() => undefined);
    if (channel) await leave(this.client, channel, reason);
  }

  /**
   * Requests the names of the methods of the node, to see whether it answers.
   * @param ms the deadline
   * @returns the names in lower case
   * @throws errors of the client
   */
  async probe(ms: number): Promise<readonly string[]> {
    const internals = internalsOf(this.client);
    return internals.execute(
      ServerFeaturesClient,
      'probe',
      (features) =>
        new Promise((resolve, reject) => {
          const [metadata, options] = internals.callArguments({ deadline: ms });
          features.getSupportedMethods(new Empty(), metadata, options, (error, methods) => {
            if (error) reject(error);
            else resolve(methods.getMethodsList().map((method) => method.getMethodName().toLowerCase()));
          });
        }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await disconnect(this.client);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      void this.#checkNode().finally(() => {
        this.#timer = undefined;
        if (this.#calls.size > 0) this.#schedule();
      });
    }, this.#options.probeIntervalMs);
  }

  async #checkNode(): Promise<void> {
    if (this.#calls.size === 0) return;
    const { probeDeadlineMs } = this.#options;
    const channel = await internalsOf(this.client)
      .getChannel()
      .catch(() => undefined);
    if (!channel || this.#closed) return;
    const latest = Date.now() + probeDeadlineMs + OWN_DELAY_MS;
    try {
      await this.probe(probeDeadlineMs);
    } catch (error) {
      const timedOut = (error as { code?: unknown }).code === GRPC.deadlineExceeded;
      if (timedOut && Date.now() < latest) {
        await leave(this.client, channel, `the node did not answer within ${probeDeadlineMs} ms`);
      }
    }
  }

  #failCalls(channel: Channel): void {
    for (const call of [...this.#calls]) {
      if (call.channel !== channel) continue;
      this.#calls.delete(call);
      call.onLost(new LogUnavailable('the connection to the node was closed'));
    }
  }
}
