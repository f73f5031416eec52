import type { Upcasters } from '../../upcasting';
import type { KnownStreams } from '../append/known-streams';
import type { Connection } from '../connection';
import type { Erasures } from '../erasures';
import type { Horizon } from '../horizon';
import type { Outage } from '../outage';
import type { Categories } from './categories';

/** What pages, streams and subscriptions are read with. */
export interface ReadDeps {
  readonly connection: Connection;
  readonly categories: Categories;
  readonly erasures: Erasures;
  readonly known: KnownStreams;
  readonly horizon: Horizon;
  readonly upcasters: Upcasters;
  readonly outage: Outage;
  /** Called with the name of each stream that is in a format which this release does not read. */
  readonly formerNames: (stream: string) => void;
  /** A read fails after this many ms without an answer. */
  readonly idleMs: number;
}
