import { isFromElsewhere } from './same-origin';

const HTTPS = 'https://api.example.com';
const HTTP = 'http://192.0.2.7:3000';

describe('where a form came from', () => {
  const from = (headers: Record<string, string>, publicUrl = HTTPS) =>
    isFromElsewhere({ headers, host: new URL(publicUrl).host, publicUrl });

  it('is here for a browser that keeps to no-referrer, and so tells an origin of null', () => {
    expect(from({ 'sec-fetch-site': 'same-origin', origin: 'null' })).toBe(false);
  });

  it.each(['cross-site', 'same-site', 'anything'])(
    'is elsewhere where the browser says %s, whatever the origin',
    (site) => {
      expect(from({ 'sec-fetch-site': site, origin: HTTPS })).toBe(true);
      expect(from({ 'sec-fetch-site': site, origin: HTTP }, HTTP)).toBe(true);
    },
  );

  it('is recognised by the origin if the browser sends nothing else', () => {
    expect(from({ origin: HTTPS })).toBe(false);
    expect(from({ origin: 'https://evil.example' })).toBe(true);
    expect(from({ origin: 'https://api.example.com.evil.example' })).toBe(true);
    expect(from({ origin: 'null' })).toBe(true);
    expect(from({ origin: 'no origin' })).toBe(true);
  });

  it('is unknown, and no reason to refuse, over plain HTTP, where browsers tell only an origin of null', () => {
    expect(from({ origin: 'null' }, HTTP)).toBe(false);
    expect(from({ origin: 'http://evil.example' }, HTTP)).toBe(true);
  });

  it('is here for what is no browser', () => {
    expect(from({})).toBe(false);
    expect(from({ 'sec-fetch-site': 'none' })).toBe(false);
  });
});
