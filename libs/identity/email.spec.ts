import fc from 'fast-check';
import { emailKey } from './email';

describe('an e-mail address', () => {
  it.each([
    ['in capitals', 'Ada@Acme.Example', 'ada@acme.example'],
    ['with white space around it', '  ada@acme.example\n', 'ada@acme.example'],
    ['in decomposed letters', 'jose\u0301@acme.example', 'jos\u00e9@acme.example'],
    ['with a domain in ASCII', 'ada@xn--mller-kva.example', 'ada@xn--mller-kva.example'],
    ['with a domain in Unicode', 'ada@M\u00dcLLER.example', 'ada@xn--mller-kva.example'],
    ['in full-width letters', '\uff21da@acme.example', 'ada@acme.example'],
    ['in a capital with an accent', 'JOS\u00c9@acme.example', 'jos\u00e9@acme.example'],
  ])('%s is the same address', (_, written, key) => expect(emailKey(written)).toBe(key));

  it('keeps dots and tags, because two such addresses may belong to two users', () =>
    expect(emailKey('a.da+x@acme.example')).not.toBe(emailKey('ada@acme.example')));

  it('has one key, and the key of a key is the key itself', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(emailKey(emailKey(text))).toBe(emailKey(text));
        expect(emailKey(text.normalize('NFD'))).toBe(emailKey(text.normalize('NFC')));
      }),
    ));
});
