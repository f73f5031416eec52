import type { JsonObject } from './port';
import { currentVersion, noUpcasters, UnknownSchemaVersion, type Upcasters, upcast } from './upcasting';

const upcasters: Upcasters = {
  Priced: [({ cents, ...rest }) => ({ ...rest, amount: cents ?? 0 }), (data) => ({ ...data, currency: 'EUR' })],
  Untouched: [],
};

describe('the current version', () => {
  it('is one more than the number of upcasts', () => {
    expect(currentVersion(upcasters, 'Priced')).toBe(3);
    expect(currentVersion(upcasters, 'Untouched')).toBe(1);
  });

  it('is 1 for a type that is not listed, even if every object inherits a property of that name', () => {
    expect(currentVersion(noUpcasters, 'Anything')).toBe(1);
    expect(currentVersion(upcasters, 'constructor')).toBe(1);
  });
});

describe('upcast', () => {
  it.each([
    [1, { cents: 5 }],
    [2, { amount: 5 }],
    [3, { amount: 5, currency: 'EUR' }],
  ] as [number, JsonObject][])('applies the steps that data of version %i has not had yet', (version, data) => {
    expect(upcast(upcasters, 'Priced', version, data)).toEqual({ amount: 5, currency: 'EUR' });
  });

  it.each([4, 0, 1.5, Number.NaN])('refuses version %p, naming the type and both versions', (version) => {
    const attempt = (): JsonObject => upcast(upcasters, 'Priced', version, {});
    expect(attempt).toThrow(UnknownSchemaVersion);
    expect(attempt).toThrow(`event Priced is stored in schema version ${version}, this release knows 3 at most`);
  });

  it('refuses a newer version of a type that is not listed', () => {
    expect(() => upcast(noUpcasters, 'Anything', 2, {})).toThrow(UnknownSchemaVersion);
  });
});
