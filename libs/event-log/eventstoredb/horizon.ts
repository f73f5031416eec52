import { type Position, START } from '../port';

/** The highest position that this process has seen in appends, reads and subscriptions. */
export class Horizon {
  #position: Position = START;

  get position(): Position {
    return this.#position;
  }

  reset(): void {
    this.#position = START;
  }

  observe(position: Position | undefined): void {
    if (position !== undefined && position > this.#position) this.#position = position;
  }
}
