import { groupBy } from '../../group-by';

/** The lines that describe one object, such as a table with its indexes, policies and rights. */
export type Section = readonly string[];

export interface Grant {
  readonly object: string;
  readonly grantee: string;
  readonly privileges: string;
}

/** A line of a list in brackets, with its comment. */
export interface Item {
  readonly line: string;
  readonly comment: string | null;
}

const WIDTH = 120;

/** A comment of the database as SQL comment lines of at most 120 characters. */
export const commentLines = (comment: string | null, indent = ''): string[] => {
  const lines: string[] = [];
  for (const word of comment?.split(/\s+/) ?? []) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(`${indent}-- ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
};

/**
 * The lines of columns, fields or constraints. Each line but the last ends with a comma, and its comment is above it.
 */
export const listItems = (items: readonly Item[]): string[] =>
  items.flatMap(({ line, comment }, at) => [
    ...commentLines(comment, '  '),
    `  ${line}${at === items.length - 1 ? '' : ','}`,
  ]);

/** One statement for each set of privileges, with all roles that have it. */
export const grantsOf = (grants: readonly Grant[], kind = ''): string[] =>
  [...groupBy(grants, ({ object, privileges }) => `${privileges} on ${kind}${object}`)].map(
    ([privileges, rows]) => `grant ${privileges} to ${rows.map(({ grantee }) => grantee).join(', ')};`,
  );
