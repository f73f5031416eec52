import { isSameData } from './same-data';

describe('two objects', () => {
  it('are the same if only the order of their fields differs, at any depth', () => {
    expect(isSameData({ a: 1, b: { c: 2, d: null } }, { b: { d: null, c: 2 }, a: 1 })).toBe(true);
    expect(isSameData({ all: [{ a: 1, b: 2 }] }, { all: [{ b: 2, a: 1 }] })).toBe(true);
    expect(isSameData({ c: 3, a: 1, b: 2, d: 4 }, { d: 4, b: 2, c: 3, a: 1 })).toBe(true);
    expect(isSameData({}, {})).toBe(true);
  });
  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: '1' }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: null }, {}],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [{ a: [] }, { a: {} }],
    [{ a: ['x'] }, { a: { 0: 'x' } }],
  ])('differ: %j and %j', (one, other) => {
    expect(isSameData(one, other)).toBe(false);
    expect(isSameData(other, one)).toBe(false);
  });
  it('differ if the order of an array differs', () => expect(isSameData({ all: [1, 2] }, { all: [2, 1] })).toBe(false));
});
