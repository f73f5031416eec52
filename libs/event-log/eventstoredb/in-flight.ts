import { LogUnavailable } from '../port';

interface Waiting {
  readonly bytes: number;
  readonly until: number;
  readonly enter: () => void;
  readonly leave: (error: LogUnavailable) => void;
}

/** Bytes on the wire at the same time; a single append may be larger. Less than any server's window for a call. */
const MAX_BYTES = 512 * 1024;

/**
 * Bounds the appends on the wire by number and bytes, as the client does not. The others wait in order, until their
 * deadline or in a queue that is itself bounded.
 */
export class InFlight {
  readonly #maxCount: number;
  readonly #maxWaiting: number;
  readonly #deadlineMs: number;
  #count = 0;
  #bytes = 0;
  #queue: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(maxCount: number, maxWaiting: number, deadlineMs: number) {
    this.#maxCount = maxCount;
    this.#maxWaiting = maxWaiting;
    this.#deadlineMs = deadlineMs;
  }

  /** @throws LogUnavailable there was no place in time, or too many wait already */
  async run<T>(bytes: number, action: () => Promise<T>): Promise<T> {
    if (this.#queue.length > 0 || !this.#fits(bytes)) await this.#wait(bytes);
    else this.#enter(bytes);
    try {
      return await action();
    } finally {
      this.#count--;
      this.#bytes -= bytes;
      this.#admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#count === 0 || (this.#count < this.#maxCount && this.#bytes + bytes <= MAX_BYTES);
  }

  #enter(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  #wait(bytes: number): Promise<void> {
    if (this.#queue.length >= this.#maxWaiting) throw new LogUnavailable('too many appends wait for the log');
    return new Promise((enter, leave) => {
      this.#queue.push({ bytes, until: Date.now() + this.#deadlineMs, enter, leave });
      this.#timer ??= setTimeout(this.#expire, this.#deadlineMs + 1);
    });
  }

  #admit(): void {
    for (let first = this.#queue[0]; first && this.#fits(first.bytes); first = this.#queue[0]) {
      this.#queue.shift();
      this.#enter(first.bytes);
      first.enter();
    }
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    const now = Date.now();
    const late = this.#queue.findIndex(({ until }) => until > now);
    const expired = this.#queue.splice(0, late < 0 ? this.#queue.length : late);
    for (const { leave } of expired) leave(new LogUnavailable('no append could be sent in time'));
    const [next] = this.#queue;
    if (next) this.#timer = setTimeout(this.#expire, next.until - now + 1);
    this.#admit();
  };
}
