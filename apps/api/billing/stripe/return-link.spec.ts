import { randomBytes } from 'node:crypto';
import { createSealer } from '#platform/encryption';
import { createReturnLink } from './return-link';

describe('a link that leads back from a page of Stripe’s', () => {
  const start = Date.parse('2026-11-25T12:00:00Z');
  let now = start;
  const returning = createReturnLink(
    createSealer(randomBytes(32)),
    () => 'https://api.example.com',
    () => now,
  );
  const tokenOf = (url: string): string => new URL(url).searchParams.get('to') ?? '';
  const token = tokenOf(returning.urlFor('tenant', 'https://app.example.com/'));

  it('leads on while the page can be paid, and no longer than two days', () => {
    now = start + 86_400_000;
    expect(returning.open(token)).toEqual({ tenantId: 'tenant', url: 'https://app.example.com/' });
    now = start + 2 * 86_400_000;
    expect(returning.open(token)).toBeUndefined();
  });

  it('leads nowhere where it is none of ours', () => {
    expect(returning.open('bm9uZSBvZiBvdXJz')).toBeUndefined();
    expect(returning.open('')).toBeUndefined();
  });
});
