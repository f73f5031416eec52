import { type Position, START } from '../port';

/** The furthest position that this process has met, by any way: appends, reads, subscriptions. */
export class Horizon {
  #position: Position = START;

  get position(): Position {
    return this.#position;
  }

  reset(): void {
    this.#position = START;
  }

  meet(position: Position | undefined): void {
    if (position !== undefined && position > this.#position) this.#position = position;
  }
}
