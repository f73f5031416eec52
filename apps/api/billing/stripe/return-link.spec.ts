import { randomBytes } from 'node:crypto';
import { createSealer } from '#platform/encryption';
import { createReturnLink } from './return-link';

describe('a link that returns from a page of Stripe', () => {
  const start = Date.parse('2026-11-25T12:00:00Z');
  let now = start;
  const returnLink = createReturnLink(
    createSealer(randomBytes(32)),
    () => 'https://api.example.com',
    () => now,
  );
  const tokenOf = (url: string): string => new URL(url).searchParams.get('to') ?? '';
  const token = tokenOf(returnLink.urlFor('tenant', 'https://app.example.com/'));

  it('is valid for two days, longer than the page can be paid', () => {
    now = start + 86_400_000;
    expect(returnLink.open(token)).toEqual({ tenantId: 'tenant', url: 'https://app.example.com/' });
    now = start + 2 * 86_400_000;
    expect(returnLink.open(token)).toBeUndefined();
  });

  it('is not valid if this server did not create it', () => {
    expect(returnLink.open('bm9uZSBvZiBvdXJz')).toBeUndefined();
    expect(returnLink.open('')).toBeUndefined();
  });
});
