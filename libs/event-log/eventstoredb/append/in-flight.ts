import { LogUnavailable } from '../../port';

interface Waiting {
  readonly bytes: number;
  readonly until: number;
  readonly enter: () => void;
  readonly leave: (error: LogUnavailable) => void;
}

/** The maximum number of bytes in flight; a single append may be larger. */
const MAX_BYTES = 4 * 1024 * 1024;
/** ms between two checks for appends that have waited too long. */
const CHECK_MS = 50;

/**
 * Limits the number and the bytes of the appends in flight, which the client does not limit. Further appends wait in
 * order in a queue of limited length, until their deadline.
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
   * Runs the action when there is a free place.
   * @param bytes the size of the append
   * @param until ms since 1970: the deadline of the wait for a place
   * @throws LogUnavailable no place was free in time, or too many appends wait already
   * @throws the error of the action
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
    if (this.#queue.length >= this.maxWaiting) throw new LogUnavailable('too many appends are waiting');
    return new Promise((enter, leave) => {
      this.#queue.push({ bytes, until, enter, leave });
      this.#timer ??= setTimeout(this.#expire, CHECK_MS);
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
    const expired = this.#queue.filter(({ until }) => until <= now);
    if (expired.length > 0) this.#queue = this.#queue.filter(({ until }) => until > now);
    for (const { leave } of expired) leave(new LogUnavailable('the append could not be sent in time'));
    this.#admit();
    this.#timer = this.#queue.length > 0 ? setTimeout(this.#expire, CHECK_MS) : undefined;
  };
}
