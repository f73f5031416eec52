import { hasHidden, isBlank } from './hidden-characters';

describe('hidden characters', () => {
  it.each([
    ['a zero-width space', 'Sal\u200bes'],
    ['a zero-width non-joiner between Latin letters', 'Sal\u200ces'],
    ['a joiner between Latin letters with an accent', 'Cafe\u0301\u200ds'],
    ['a joiner at the start', '\u200dSales'],
    ['a word joiner', 'Sal\u2060es'],
    ['a soft hyphen', 'Sal\u00ades'],
    ['a change of direction', 'Ada\u202eecila'],
    ['an isolate', '\u2067Ada'],
    ['a mark of direction', 'Ada\u200f'],
    ['a byte order mark', '\ufeffAda'],
    ['a line separator', 'Ada\u2028Owner'],
    ['a tag', 'Ada\u{e0041}'],
    ['a variation selector after a letter', 'A\ufe0fda'],
    ['a Hangul filler', 'Ada\u3164'],
  ])('are found: %s', (_, text) => expect(hasHidden(text)).toBe(true));

  it.each([
    ['Latin with accents', 'Zo\u00eb O\u2019Neill'],
    ['Arabic', '\u0645\u062d\u0645\u062f'],
    ['Persian with a non-joiner', '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645'],
    ['Hindi with a joiner', '\u0915\u094d\u200d\u0937'],
    ['Chinese', '\u738b\u5c0f\u660e'],
    ['a family as one emoji', '\u{1f469}\u200d\u{1f469}\u200d\u{1f467} Team'],
    ['an emoji in colours', 'We \u2764\ufe0f tests'],
    ['a keycap', '1\ufe0f\u20e3'],
    ['an emoji with a skin tone and a joiner', '\u{1f9d1}\u{1f3fd}\u200d\u{1f4bb}'],
  ])('are not found in %s', (_, text) => expect(hasHidden(text)).toBe(false));

  it.each(['', ' ', '\u200b', '\u00ad\u2060', '\u3164', '\u2800', '\u115f\u1160', '\u2003\u00a0'])(
    'alone make the text %j blank',
    (text) => expect(isBlank(text)).toBe(true),
  );
  it('are not blank beside a letter', () => expect(isBlank(' \u200ba')).toBe(false));
});
