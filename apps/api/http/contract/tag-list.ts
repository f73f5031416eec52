const TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
/** Finds the tags of a comma-separated list; a comma inside the quotes of a tag is a part of the tag. */
const TAGS = /(?:W\/)?"[^"]*"|[^\s,][^,]*/g;

/** One tag of a header. */
export interface Tag {
  readonly weak: boolean;
  readonly value: string;
}

/** The tags of `If-Match` or `If-None-Match`; undefined if the header is malformed. */
export const parseTags = (field: string): Tag[] | undefined => {
  const tags: Tag[] = [];
  // Each tag becomes a T, so that the form of the list can be checked.
  const list = field.replaceAll(TAGS, (text) => {
    const tag = TAG.exec(text.trim());
    if (tag) tags.push({ weak: tag[1] !== undefined, value: tag[2] ?? '' });
    return tag ? 'T' : '!';
  });
  return /^[\s,]*T(?:\s*,[\s,]*T)*[\s,]*$/.test(list) ? tags : undefined;
};

/** True if the header is `*`, which stands for every tag. */
export const isAny = (field: string): boolean => field.trim() === '*';
