import fc from 'fast-check';
import { createTokenCache } from './token-cache';

describe('the cache of verified tokens', () => {
  it('returns a token until the millisecond before it expires', () => {
    const cache = createTokenCache<string>(10);
    cache.put('token', 'Ada', 1_000);
    expect(cache.get('token', 999)).toBe('Ada');
    expect(cache.get('token', 1_000)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('keeps used entries when it is full', () => {
    const cache = createTokenCache<number>(3);
    for (const n of [1, 2, 3]) cache.put(`${n}`, n, Infinity);
    cache.get('1');
    cache.put('4', 4, Infinity);
    expect([1, 2, 3, 4].map((n) => cache.get(`${n}`))).toEqual([1, undefined, 3, 4]);
  });

  it('drops the tokens of a session at once', () => {
    const cache = createTokenCache<{ session: string }>(10);
    for (const n of [1, 2, 3]) cache.put(`${n}`, { session: n === 3 ? 'b' : 'a' }, Infinity);
    cache.drop(({ session }) => session === 'a');
    expect([1, 2, 3].map((n) => cache.get(`${n}`))).toEqual([undefined, undefined, { session: 'b' }]);
  });

  it('never exceeds its capacity, and never returns an expired or a wrong value', () => {
    const step = fc.record({ kind: fc.constantFrom('put', 'get'), token: fc.nat(60), expiresAt: fc.nat(100) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 300 }), (capacity, steps) => {
        const cache = createTokenCache<number>(capacity);
        const last = new Map<number, number>();
        steps.forEach(({ kind, token, expiresAt }, now) => {
          if (kind === 'put') {
            cache.put(`${token}`, token, expiresAt);
            last.set(token, expiresAt);
          } else if (cache.get(`${token}`, now) !== undefined) {
            expect(cache.get(`${token}`, now)).toBe(token);
            expect(last.get(token)).toBeGreaterThan(now);
          }
          expect(cache.size).toBeLessThanOrEqual(capacity);
        });
      }),
    );
  });
});
