import { LogUnavailable } from '../../port';

interface Waiting {
  readonly bytes: number;
  readonly until: number;
  readonly enter: () => void;
  readonly leave: (error: LogUnavailable) => void;
}

/** Bytes on the wire at the same time; a single append may be larger. */
const MAX_BYTES = 4 * 1024 * 1024;
/** ms between two looks at who has waited too long. */
const LOOK_MS = 50;

/**
 * Bounds the appends on the wire by number and bytes, as the client does not. The others wait in order, until their
 * deadline or in a queue that is itself bounded.
 */
export class InFlight {
  #count = 0;
  #bytes = 0;
  #queue: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly maxCount: number,
    private readonly maxWaiting: number,
  ) {}

  /**
   * @param until ms since 1970; no longer is waited for a place
   * @throws LogUnavailable there was no place in time, or too many wait already
   */
  async run<T>(bytes: number, until: number, action: () => Promise<T>): Promise<T> {
    if (this.#queue.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, until);
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
    return this.#count === 0 || (this.#count < this.maxCount && this.#bytes + bytes <= MAX_BYTES);
  }

  #enter(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  #wait(bytes: number, until: number): Promise<void> {
    if (this.#queue.length >= this.maxWaiting) throw new LogUnavailable('too many appends wait for the log');
    return new Promise((enter, leave) => {
      this.#queue.push({ bytes, until, enter, leave });
      this.#timer ??= setTimeout(this.#expire, LOOK_MS);
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
    const now = Date.now();
    const late = this.#queue.filter(({ until }) => until <= now);
    if (late.length > 0) this.#queue = this.#queue.filter(({ until }) => until > now);
    for (const { leave } of late) leave(new LogUnavailable('no append could be sent in time'));
    this.#admit();
    this.#timer = this.#queue.length > 0 ? setTimeout(this.#expire, LOOK_MS) : undefined;
  };
}
