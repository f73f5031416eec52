import { isCrossSite } from './same-origin';

const HTTPS = 'https://api.example.com';
const HTTP = 'http://192.0.2.7:3000';

describe('the origin of a form', () => {
  const from = (headers: Record<string, string>, publicUrl = HTTPS) =>
    isCrossSite({ headers, host: new URL(publicUrl).host, publicUrl });

  it('is the same site for Sec-Fetch-Site: same-origin, although the policy no-referrer makes Origin null', () => {
    expect(from({ 'sec-fetch-site': 'same-origin', origin: 'null' })).toBe(false);
  });

  it.each(['cross-site', 'same-site', 'anything'])(
    'is another site for Sec-Fetch-Site: %s, whatever Origin is',
    (site) => {
      expect(from({ 'sec-fetch-site': site, origin: HTTPS })).toBe(true);
      expect(from({ 'sec-fetch-site': site, origin: HTTP }, HTTP)).toBe(true);
    },
  );

  it('is decided by Origin if the browser sends nothing else', () => {
    expect(from({ origin: HTTPS })).toBe(false);
    expect(from({ origin: 'https://evil.example' })).toBe(true);
    expect(from({ origin: 'https://api.example.com.evil.example' })).toBe(true);
    expect(from({ origin: 'null' })).toBe(true);
    expect(from({ origin: 'no origin' })).toBe(true);
  });

  it('is accepted over plain HTTP if Origin is null, because browsers send nothing else there', () => {
    expect(from({ origin: 'null' }, HTTP)).toBe(false);
    expect(from({ origin: 'http://evil.example' }, HTTP)).toBe(true);
  });

  it('is the same site for a client that is not a browser', () => {
    expect(from({})).toBe(false);
    expect(from({ 'sec-fetch-site': 'none' })).toBe(false);
  });
});
