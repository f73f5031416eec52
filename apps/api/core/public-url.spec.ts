import { createPublicUrl, returnOriginsOf } from './public-url';

describe('the public URL of the API', () => {
  it('is the address at which it listens, also with a random port', () => {
    const { publicUrl, listensAt } = createPublicUrl(undefined);
    expect(publicUrl).toThrow('before the API listens');
    listensAt('http://127.0.0.1:43117');
    expect(publicUrl()).toBe('http://127.0.0.1:43117');
  });

  it('is the configured one, if there is one', () => {
    const { publicUrl, listensAt } = createPublicUrl('https://api.example.com');
    listensAt('http://127.0.0.1:43117');
    expect(publicUrl()).toBe('https://api.example.com');
  });
});

describe('the origins to which pages of Stripe may redirect', () => {
  const originsAt = (url: string, configured: readonly string[] = []) =>
    returnOriginsOf(configured, ['https://app.example'], () => url)();

  it('are both names of the local machine, with the port of the API', () => {
    expect(originsAt('http://127.0.0.1:43117')).toEqual([
      'http://127.0.0.1:43117',
      'http://localhost:43117',
      'https://app.example',
    ]);
  });

  it('are those of the API and of its applications', () => {
    expect(originsAt('https://api.example')).toEqual(['https://api.example', 'https://app.example']);
  });

  it('are the configured ones only, if there are any', () => {
    expect(originsAt('https://api.example', ['https://own.example'])).toEqual(['https://own.example']);
  });
});
