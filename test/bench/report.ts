import { cpus, totalmem } from 'node:os';
import { CATALOGUE, reaches } from './catalogue';
import type { Measured } from './group';
import type { Pace } from './options';
import type { BenchServer } from './server';
import { median, shown } from './statistics';

export interface Report {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly rows: readonly {
    readonly id: string;
    readonly value: number;
    readonly bar: number;
    readonly better: 'higher' | 'lower';
    readonly unit: string;
    readonly samples: readonly number[];
  }[];
}

const rounded = (value: number): number => Number(value.toPrecision(4));

export const reportOf = (
  measured: readonly Measured[],
  { version, settings }: BenchServer,
  pace: Pace,
  began: Date,
): Report => ({
  machine: {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    postgres: version,
  },
  settings: {
    short: pace.short,
    rounds: pace.rounds,
    secondsPerTurn: pace.seconds,
    events: pace.events,
    tenants: pace.tenants,
    began: began.toISOString(),
    tookSeconds: Math.round((Date.now() - began.getTime()) / 1_000),
    ...settings,
  },
  rows: measured.map(({ id, samples }) => {
    const { bar, better, unit } = CATALOGUE[id];
    return { id, value: rounded(median(samples)), bar, better, unit, samples: samples.map(rounded) };
  }),
});

const verdict = ({ id, value }: Report['rows'][number]): string => {
  const row = id as Measured['id'];
  if (!reaches(row, value, 'bar')) return 'MISSED';
  return reaches(row, value, 'beyond') ? 'beyond' : 'ok';
};

/** The report as a text table. */
export const tableOf = ({ machine, settings, rows }: Report): string => {
  const described = (values: object): string =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const lines = rows.map((row) => {
    const { beyond } = CATALOGUE[row.id as Measured['id']];
    const sign = row.better === 'higher' ? '≥' : '≤';
    return [row.id, shown(row.value), `${sign} ${row.bar}`, `${sign} ${beyond}`, row.unit, verdict(row)];
  });
  const cells = [['id', 'value', 'bar', 'beyond', 'unit', ''], ...lines];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  const table = cells.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const missed = rows.filter((row) => verdict(row) === 'MISSED').map(({ id }) => id);
  return [
    described(machine),
    described(settings),
    '',
    ...table,
    '',
    missed.length === 0 ? `all ${rows.length} bars reached` : `bars missed: ${missed.join(', ')}`,
    '',
  ].join('\n');
};
