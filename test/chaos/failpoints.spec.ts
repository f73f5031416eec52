import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** The texts of the files below the folders whose names match. */
const textsIn = (folders: readonly string[], wanted: RegExp): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => wanted.test(name))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  );

/** The names in the line `const [a, b] = LIST` for this list; none if there is no such line. */
const destructuredNames = (list: string, text: string): string[] =>
  new RegExp(`const \\[([^\\]]+)\\] = ${list}\\b`)
    .exec(text)?.[1]
    ?.split(',')
    .map((it) => it.trim())
    .filter(Boolean) ?? [];

const countOf = (word: string, text: string): number => text.split(new RegExp(`\\b${word}\\b`)).length - 1;

/** The lists of failpoints that sources declare, with the names in them. */
const failpointLists = (sources: readonly string[]): [list: string, names: string[]][] =>
  sources.flatMap((source) =>
    [...source.matchAll(/const (\w*FAILPOINTS) = \[([^\]]+)\]/g)].map(
      ([, list = '', names = '']): [string, string[]] => [
        list,
        [...names.matchAll(/'([^']+)'/g)].map(([, name = '']) => name),
      ],
    ),
  );

/**
 * The failpoints of the sources at which no spec kills the product. A spec refers to a failpoint by its name, by
 * destructuring the list that contains it and using the element, or by the function that returns its name.
 */
const findUntested = (sources: readonly string[], specs: readonly string[]): string[] => {
  const inLists = failpointLists(sources).flatMap(([list, names]) =>
    names.filter(
      (_, at) =>
        !specs.some((spec) => {
          const name = destructuredNames(list, spec)[at];
          return name !== undefined && countOf(name, spec) > 1;
        }),
    ),
  );
  const single = sources.flatMap((source) =>
    [...source.matchAll(/\bfailpoint\((?:'([^']+)'|(\w+)(\()?)/g)].flatMap(([, literal, word = '', isCall]) => {
      if (literal !== undefined) return specs.some((spec) => spec.includes(`'${literal}'`)) ? [] : [literal];
      if (isCall) return specs.some((spec) => countOf(word, spec) > 1) ? [] : [`${word}()`];
      // An element of a list of failpoints, which is checked above.
      return destructuredNames('[\\w.]*failpoints', source).includes(word) ? [] : [word];
    }),
  );
  return [...inLists, ...single];
};

describe('every failpoint of the product', () => {
  const specs = textsIn(['test/chaos', 'test/billing'], /(?<!failpoints\.spec)\.ts$/);

  it('is used by a spec that kills the product there', () => {
    const sources = textsIn(['apps', 'libs', 'projections'], /(?<!\.spec)\.ts$/);
    const inLists = failpointLists(sources).flatMap(([, names]) => names);
    expect(inLists.length + (sources.join('').match(/\bfailpoint\(/g)?.length ?? 0)).toBeGreaterThan(20);
    expect(findUntested(sources, specs)).toEqual([]);
  });

  it('is reported if no spec uses it', () => {
    expect(findUntested([`failpoint('billing.forgotten');`], specs)).toEqual(['billing.forgotten']);
    expect(findUntested(['failpoint(forgottenFailpoint(name));'], specs)).toEqual(['forgottenFailpoint()']);
    expect(findUntested(['const [one] = saga.failpoints; failpoint(one); failpoint(other);'], [])).toEqual(['other']);
    const source = `const SOME_FAILPOINTS = ['some.one', 'some.two'] as const;`;
    expect(findUntested([source], ['const [one] = SOME_FAILPOINTS; kill(one)'])).toEqual(['some.two']);
    expect(findUntested([source], ['const [one, two] = SOME_FAILPOINTS; kill(one)'])).toEqual(['some.two']);
    expect(findUntested([source], ['const [one, two] = SOME_FAILPOINTS; kill(one, two)'])).toEqual([]);
  });
});
