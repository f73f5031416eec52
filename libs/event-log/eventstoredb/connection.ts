import type { EventStoreDBClient } from '@eventstore/db-client';
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { Empty } from '@eventstore/db-client/generated/shared_pb';
import type { Channel } from '@grpc/grpc-js';
import { LogUnavailable } from '../port';
import { connect, disconnect, internalsOf, leave } from './client';
import { GRPC } from './errors';

export interface ConnectionOptions {
  readonly connectionString: string;
  /** ms between two looks at whether the node answers, while anything waits for it. */
  readonly probeIntervalMs: number;
  /** ms for the node to answer such a look. */
  readonly probeDeadlineMs: number;
  /** ms from the first failure on for which calls look for a node again and again. */
  readonly patienceMs: number;
}

interface Call {
  channel: Channel | undefined;
  readonly lost: (error: LogUnavailable) => void;
}

/** ms by which a timer may be late before this process counts as the one that stood still. */
const OWN_DELAY_MS = 1_000;

/**
 * The connection to the one node that the client speaks to, the leader where there is one. Every call runs on it; when the
 * node is left, every call that runs on it fails and can begin again on the next node. The client notices by itself a node
 * that refuses, and not one that is frozen: so a node is asked for a sign of life while anything waits for it.
 */
export class Connection {
  readonly client: EventStoreDBClient;
  readonly #options: ConnectionOptions;
  readonly #calls = new Set<Call>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #awaySince: number | undefined;

  /** @throws InvalidConnectionString */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.client = connect(options.connectionString, (channel) => this.#fail(channel));
  }

  /**
   * Until when (ms since 1970) a call that finds no node, or no leader, is tried again. An election takes a second or
   * two. Counted from the first failure on, so that in a long outage only the first calls wait and the others fail soon.
   */
  get retryUntil(): number {
    this.#awaySince ??= Date.now();
    return this.#awaySince + this.#options.patienceMs;
  }

  /** A node has answered a call. */
  answered(): void {
    this.#awaySince = undefined;
  }

  /**
   * Watches the node for a call that begins now.
   * @param lost called at most once, when the node is left
   * @returns ends the watch
   */
  watch(lost: (error: LogUnavailable) => void): () => void {
    const call: Call = { channel: undefined, lost };
    this.#calls.add(call);
    internalsOf(this.client)
      .getChannel()
      .then(
        (channel) => {
          call.channel = channel;
        },
        // The call itself gets the same error.
        () => undefined,
      );
    this.#schedule();
    return () => {
      this.#calls.delete(call);
    };
  }

  /** Leaves the present node, which answers and can't serve: the next call looks for the leader. */
  async leaveNode(reason: string): Promise<void> {
    const channel = await internalsOf(this.client)
      .getChannel()
      .catch(() => undefined);
    if (channel) await leave(this.client, channel, reason);
  }

  /** Whether the node answers, and the methods that it has. @throws what the client throws */
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
      void this.#look().finally(() => {
        this.#timer = undefined;
        if (this.#calls.size > 0) this.#schedule();
      });
    }, this.#options.probeIntervalMs);
  }

  async #look(): Promise<void> {
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
      const late = (error as { code?: unknown }).code === GRPC.deadlineExceeded;
      if (late && Date.now() < latest) {
        await leave(this.client, channel, `the node did not answer within ${probeDeadlineMs} ms`);
      }
    }
  }

  #fail(channel: Channel): void {
    for (const call of [...this.#calls]) {
      if (call.channel !== channel) continue;
      this.#calls.delete(call);
      call.lost(new LogUnavailable('the connection to the node was left'));
    }
  }
}
