import fc from 'fast-check';
import { emptyMap, entries, get, type PersistentMap, remove, set } from './persistent-map';

/** Ids that share buckets, and names of properties that every object has. */
const IDS = ['a-01', 'b-01', 'c-01', '01', '1', '', 'a-02', 'constructor', 'toString', '__proto__', 'hasOwnProperty'];

type Step = { readonly id: string; readonly value: number | undefined };

const step = fc.record({
  id: fc.oneof(fc.constantFrom(...IDS), fc.uuid()),
  // Sets are more frequent than removals, so that many maps have more entries than one array holds.
  value: fc.option(fc.nat(), { nil: undefined, freq: 4 }),
});

const applyStep = (all: PersistentMap<number>, { id, value }: Step): PersistentMap<number> =>
  value === undefined ? remove(all, id) : set(all, id, value);

describe('a persistent map', () => {
  it('has the same entries as a Map after any sets and removals', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new Map<string, number>();
        let all: PersistentMap<number> = emptyMap;
        for (const one of steps) {
          all = applyStep(all, one);
          if (one.value === undefined) map.delete(one.id);
          else map.set(one.id, one.value);
        }
        expect(all.size).toBe(map.size);
        expect(new Map(entries(all))).toEqual(map);
        for (const id of [...IDS, ...map.keys()]) expect(get(all, id)).toBe(map.get(id));
      }),
    ));

  it('is the same after it was stored as JSON', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const all = steps.reduce(applyStep, emptyMap as PersistentMap<number>);
        const stored = JSON.parse(JSON.stringify(all)) as PersistentMap<number>;
        expect(stored.size).toBe(all.size);
        expect(new Map(entries(stored))).toEqual(new Map(entries(all)));
        for (const id of IDS) expect(get(stored, id)).toBe(get(all, id));
      }),
    ));

  it('does not change when another map is made from it', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), step, (steps, last) => {
        const before = steps.reduce(applyStep, emptyMap as PersistentMap<number>);
        const seen = JSON.stringify(before);
        applyStep(before, last);
        expect(JSON.stringify(before)).toBe(seen);
      }),
    ));

  it('has one array for up to eight entries, and then one bucket for each pair of hexadecimal digits', () => {
    const ids = Array.from({ length: 256 }, (_, at) => `id-${at.toString(16).padStart(2, '0')}`);
    const mapOf = (count: number) =>
      ids.slice(0, count).reduce((before, id) => set(before, id, id), emptyMap as PersistentMap<string>);
    expect(mapOf(8)).toEqual({ size: 8, few: ids.slice(0, 8).map((id) => [id, id]), branches: [] });
    expect(mapOf(9)).toMatchObject({ size: 9, few: [] });
    const { size, few, branches } = mapOf(256);
    expect({ size, few, branches: branches.length }).toEqual({ size: 256, few: [], branches: 16 });
    for (const branch of branches) {
      expect(branch).toHaveLength(16);
      for (const bucket of branch ?? []) expect(bucket).toHaveLength(1);
    }
  });

  it.each([0, 1, 8, 9, 40])(
    'with %d entries has no value for another id, and no change when it is removed',
    (count) => {
      const ids = Array.from({ length: count }, (_, at) => `${at}`);
      const map = ids.reduce((before, id) => set(before, id, 1), emptyMap as PersistentMap<number>);
      for (const id of ['x', 'id-zz', '', '100', '1x']) {
        expect(get(map, id)).toBeUndefined();
        expect(remove(map, id)).toBe(map);
      }
    },
  );

  it('keeps no empty bucket or branch after a removal', () => {
    const all = remove(set(set(emptyMap, 'a-01', 1), 'b-02', 2), 'a-01');
    expect(all).toEqual(set(emptyMap, 'b-02', 2));
    expect(remove(all, 'b-02')).toEqual(emptyMap);
    const ids = Array.from({ length: 40 }, (_, at) => `${at}`);
    const many = ids.reduce((before, id) => set(before, id, 1), emptyMap as PersistentMap<number>);
    expect(ids.reduce(remove, many)).toEqual(emptyMap);
  });
});
