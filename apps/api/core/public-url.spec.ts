import { createPublicUrl, returnOriginsOf } from './public-url';

describe('where clients reach the API', () => {
  it('is where it listens, once it does, however the port was chosen', () => {
    const { publicUrl, listensAt } = createPublicUrl(undefined);
    expect(publicUrl).toThrow('before the API listens');
    listensAt('http://127.0.0.1:43117');
    expect(publicUrl()).toBe('http://127.0.0.1:43117');
  });

  it('is what is configured, wherever it listens', () => {
    const { publicUrl, listensAt } = createPublicUrl('https://api.example.com');
    listensAt('http://127.0.0.1:43117');
    expect(publicUrl()).toBe('https://api.example.com');
  });
});

describe('the origins that pages of Stripe may lead back to', () => {
  const at = (url: string, own: readonly string[] = []) => returnOriginsOf(own, ['https://app.example'], () => url)();

  it('are both names of one’s own machine, with the port that is bound', () => {
    expect(at('http://127.0.0.1:43117')).toEqual([
      'http://127.0.0.1:43117',
      'http://localhost:43117',
      'https://app.example',
    ]);
  });

  it('are the API’s and its applications’', () => {
    expect(at('https://api.example')).toEqual(['https://api.example', 'https://app.example']);
  });

  it('are those that are configured, and no others', () => {
    expect(at('https://api.example', ['https://own.example'])).toEqual(['https://own.example']);
  });
});
