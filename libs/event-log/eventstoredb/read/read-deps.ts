import type { Upcasters } from '../../upcasting';
import type { KnownStreams } from '../append/known-streams';
import type { Connection } from '../connection';
import type { Erasures } from '../erasures';
import type { Horizon } from '../horizon';
import type { Outage } from '../outage';
import type { Categories } from './categories';

/** The dependencies of reads and subscriptions. */
export interface ReadDeps {
  readonly connection: Connection;
  readonly categories: Categories;
  readonly erasures: Erasures;
  readonly known: KnownStreams;
  readonly horizon: Horizon;
  readonly upcasters: Upcasters;
  readonly outage: Outage;
  /** Called with the name of each stream that this release does not read. */
  readonly warnOfOldName: (streamName: string) => void;
  /** ms without any answer after which a read fails. */
  readonly idleMs: number;
}
