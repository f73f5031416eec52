/**
 * Characters that are not visible, change the order of others, or start a new line: two texts that look equal could be
 * different, and a text could change how the text around it looks.
 */
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** A zero-width joiner or non-joiner. Some scripts and emoji need them. */
const JOINER = /[\u200c\u200d]/;
/** Scripts that never need a joiner; `Inherited` are accents of any script. */
const WITHOUT_JOINERS =
  /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Hebrew}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Inherited}]$/u;
const LETTER = /[\p{L}\p{M}]$/u;
const EMOJI = /(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)$/u;
/** Characters that can be followed by U+FE0F, which shows them as emoji. */
const WITH_EMOJI_STYLE = /[\p{Extended_Pictographic}\d#*]$/u;

/** Characters that leave a space or nothing. U+2800 is a braille pattern without dots. */
const BLANK = /[\s\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\p{Z}\u2800]/gu;

/**
 * True if a text has a hidden character. Allowed are joiners where the script needs them (the rule CONTEXTJ of RFC 5892,
 * by script), and joiners and U+FE0F in emoji.
 */
export const hasHidden = (text: string): boolean => {
  for (const { 0: character, index } of text.matchAll(HIDDEN)) {
    // One character has at most two code units.
    const before = text.slice(Math.max(0, index - 2), index);
    const isJoiner = JOINER.test(character) && LETTER.test(before) && !WITHOUT_JOINERS.test(before);
    const isInEmoji =
      (character === '\u200d' && EMOJI.test(before)) || (character === '\ufe0f' && WITH_EMOJI_STYLE.test(before));
    if (!isJoiner && !isInEmoji) return true;
  }
  return false;
};

/** True if no character of a text is visible. */
export const isBlank = (text: string): boolean => text.replaceAll(BLANK, '') === '';
