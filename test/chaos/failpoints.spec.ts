import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** The text of every file of TypeScript below the folders. */
const textsIn = (folders: readonly string[], wanted: RegExp): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => wanted.test(name))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  );

/** The names in `const [a, b] = LIST`, for a LIST of the name; empty where there is no such line. */
const namesTakenOf = (list: string, text: string): string[] =>
  new RegExp(`const \\[([^\\]]+)\\] = ${list}\\b`)
    .exec(text)?.[1]
    ?.split(',')
    .map((it) => it.trim())
    .filter(Boolean) ?? [];

const occurs = (word: string, text: string): number => text.split(new RegExp(`\\b${word}\\b`)).length - 1;

/**
 * The points of the sources that no spec kills the product at. A spec names a point by its own name, by the list that it
 * stands in (all of which it takes apart, and uses), or by the function that makes its name.
 */
const unproven = (sources: readonly string[], specs: readonly string[]): string[] =>
  sources.flatMap((source) =>
    [...source.matchAll(/\bfailpoint\((?:'([^']+)'|(\w+)(\()?)/g)].flatMap(([, literal, word = '', isCall]) => {
      if (literal !== undefined) return specs.some((spec) => spec.includes(`'${literal}'`)) ? [] : [literal];
      if (isCall) return specs.some((spec) => occurs(word, spec) > 1) ? [] : [`${word}()`];
      const list = /const \[[^\]]*\] = (\w+)/.exec(source)?.[1] ?? '';
      const at = namesTakenOf(list, source).indexOf(word);
      const isUsed = (spec: string): boolean => {
        const name = namesTakenOf(list, spec)[at];
        return name !== undefined && occurs(name, spec) > 1;
      };
      return at >= 0 && specs.some(isUsed) ? [] : [word];
    }),
  );

describe('every point at which the product can be killed', () => {
  const specs = textsIn(['test/chaos', 'test/billing'], /(?<!failpoints\.spec)\.ts$/);

  it('is one that a spec kills it at', () => {
    const sources = textsIn(['apps', 'libs', 'projections'], /(?<!\.spec)\.ts$/);
    expect(sources.join('').match(/\bfailpoint\(/g)?.length).toBeGreaterThan(15);
    expect(unproven(sources, specs)).toEqual([]);
  });

  it('is found out where none does', () => {
    expect(unproven([`failpoint('billing.forgotten');`], specs)).toEqual(['billing.forgotten']);
    expect(unproven(['failpoint(forgottenFailpoint(name));'], specs)).toEqual(['forgottenFailpoint()']);
    const source = 'const [ONE, TWO] = SOME_FAILPOINTS; failpoint(ONE); failpoint(TWO);';
    expect(unproven([source], ['const [one] = SOME_FAILPOINTS; kill(one)'])).toEqual(['TWO']);
    expect(unproven([source], ['const [one, two] = SOME_FAILPOINTS; kill(one)'])).toEqual(['TWO']);
    expect(unproven([source], ['const [one, two] = SOME_FAILPOINTS; kill(one, two)'])).toEqual([]);
  });
});
