/** The limits of a row of the report. */
interface Bar {
  /** The value that must be reached. */
  readonly bar: number;
  /** A value that is better than required. */
  readonly beyond: number;
  readonly better: 'higher' | 'lower';
  readonly unit: string;
}

const ratio = (bar: number, beyond: number): Bar => ({ bar, beyond, better: 'higher', unit: 'ratio' });
const share = (bar: number, beyond: number): Bar => ({ bar, beyond, better: 'lower', unit: 'ratio' });
const atMost = (unit: string, bar: number, beyond: number): Bar => ({ bar, beyond, better: 'lower', unit });

/**
 * Every row by its id. A ratio compares with the peer or the floor of the same run, so that it is valid on any machine.
 */
export const CATALOGUE = {
  'append.1': ratio(2, 2.5),
  'append.16': ratio(4.5, 5.5),
  'append.64': ratio(8, 10),
  'append.64.floor': ratio(1.2, 1.5),
  'append.procs': ratio(0.65, 0.9),
  'append.64.p99': share(0.25, 0.13),
  'project.live': ratio(25, 40),
  'project.rebuild': ratio(0.5, 0.8),
  'project.rebuild.rss': atMost('MiB', 512, 256),
  'query.rls': ratio(0.8, 0.95),
  'query.tasks': share(1.5, 1.1),
  'http.auth': ratio(0.75, 0.9),
  'http.command': ratio(0.6, 1),
  'http.command.p99': share(2, 1.2),
  'command.join': ratio(0.5, 0.9),
  'visible.p99': atMost('ms', 25, 10),
  'webhook.p99': share(2, 1.3),
  'webhook.burst': { bar: 300, beyond: 1_000, better: 'higher', unit: '/s' },
  'unlock.p99': atMost('ms', 100, 50),
  'growth.append': ratio(0.75, 0.95),
  'growth.query': ratio(0.75, 0.95),
  'stream.load': ratio(3, 20),
  'event.bytes': atMost('bytes', 490, 400),
  'eventstoredb.append.64': ratio(0.9, 1),
  'eventstoredb.project.live': ratio(0.7, 0.9),
  'start.cold': atMost('s', 6, 3),
} as const satisfies Record<string, Bar>;

export type RowId = keyof typeof CATALOGUE;

export const isRowId = (id: string): id is RowId => Object.hasOwn(CATALOGUE, id);

/** Whether the value of a row is at least as good as this limit. */
export const reaches = (id: RowId, value: number, limit: 'bar' | 'beyond'): boolean => {
  const row: Bar = CATALOGUE[id];
  return row.better === 'higher' ? value >= row[limit] : value <= row[limit];
};
