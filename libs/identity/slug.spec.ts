import fc from 'fast-check';
import { slugOf } from './slug';

describe('the slug of a tenant', () => {
  it.each([
    ['Acme', 'acme'],
    ['Müller & Söhne', 'muller-sohne'],
    ['  --Acme, Inc.--  ', 'acme-inc'],
    ['株式会社', 'workspace'],
    [`${'a'.repeat(59)} b`, 'a'.repeat(59)],
  ])('of %j is %j', (name, slug) => expect(slugOf(name)).toBe(slug));

  it('has always 1 to 60 characters of a-z, 0-9 and single hyphens', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (name) => {
        const slug = slugOf(name);
        expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(slug.length).toBeLessThanOrEqual(60);
      }),
    ));
});
