import { Refusal, type RefusalReason } from '#domain/refusal';
import type { Fold } from '#event-log/aggregate/fold';
import type { EventToAppend, RecordedEvent } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { foldEvents } from '#projecting/fold/fold';
import type { Projection } from '#projecting/projection';
import { RowBuffer } from '#projecting/rows/row-buffer';
import type { Added, Row } from '#projecting/rows/tables';

/**
 * Specifies a rule without mocks: the earlier events, the command, and the expected events or refusal. Based on Greg
 * Young's specifications by example for event-sourced systems.
 */
export const specificationOf = <State, Event extends EventToAppend>(fold: Fold<State, Event>) => ({
  given: (...events: readonly Event[]) => ({
    when: (decide: (state: State) => readonly Event[]) => {
      const act = (): readonly Event[] => {
        const state = events.reduce((before, event, at) => fold.evolve(before, event, at + 1), fold.initial);
        return decide(state);
      };
      return {
        thenHappened: (...expected: readonly Event[]): void => expect(act()).toEqual(expected),
        thenNothing: (): void => expect(act()).toEqual([]),
        /** @param detail the whole text for the user who sent the command; left out: any text */
        thenRefused: (reason: RefusalReason, detail?: string): void => {
          let refusal: unknown;
          try {
            act();
          } catch (error) {
            refusal = error;
          }
          expect(refusal).toBeInstanceOf(Refusal);
          expect((refusal as Refusal).reason).toBe(reason);
          if (detail !== undefined) expect((refusal as Refusal).detail).toBe(detail);
        },
      };
    },
  }),
});

/** A recorded event for specifications of projections. Every field that is not given has a default value. */
export const recorded = (event: EventToAppend & Partial<RecordedEvent>): RecordedEvent => {
  const commandId = uuidv7();
  return {
    id: uuidv7(),
    stream: { tenantId: null, aggregate: 'thing', id: uuidv7() },
    version: 1,
    position: 1n,
    commandId,
    actor: { kind: 'system' },
    correlationId: 'specification',
    causationId: commandId,
    accessId: null,
    schemaVersion: 1,
    recordedAt: new Date('2026-01-02T03:04:05.678Z'),
    ...event,
  };
};

/** Folds events with a projection in memory, for assertions about the resulting operations on each table. */
export const project = (projection: Projection, ...events: readonly RecordedEvent[]) => {
  const buffer = new RowBuffer(projection.tables);
  const parked = foldEvents(projection, events, new Set(), buffer);
  return {
    thenRows: (table: string, ...expected: readonly Row[]): void => {
      const operations = [...(buffer.folded.get(table)?.values() ?? [])];
      expect(operations.flatMap((operation) => (operation.kind === 'put' ? [operation.row] : []))).toEqual(expected);
    },
    thenPatched: (table: string, key: Row, columns: Row): void => {
      const operations = [...(buffer.folded.get(table)?.values() ?? [])];
      expect(operations).toEqual([{ kind: 'patch', key, columns }]);
    },
    thenRemoved: (table: string, ...keys: readonly Row[]): void => {
      const operations = [...(buffer.folded.get(table)?.values() ?? [])];
      expect(operations).toEqual(keys.map((key) => ({ kind: 'remove', key })));
    },
    thenAdded: (table: string, ...expected: readonly { key: Row; columns: Added }[]): void => {
      const operations = [...(buffer.folded.get(table)?.values() ?? [])];
      expect(operations).toEqual(expected.map((row) => ({ kind: 'add', ...row })));
    },
    thenParked: (...reasons: readonly string[]): void => expect(parked.map(({ error }) => error)).toEqual(reasons),
  };
};
