import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const API = resolve(__dirname, '..');

/** Names of all classes that are schemas in the OpenAPI documents. */
const dtoNames = (): string[] =>
  readdirSync(API, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .flatMap((path) => [...readFileSync(join(API, path), 'utf8').matchAll(/^(?:export )?class (\w+Dto)\b/gm)])
    .map(([, name = '']) => name);

describe('the classes of bodies', () => {
  it('have different names: of two schemas with one name, the OpenAPI document would have only one', () => {
    const names = dtoNames();
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});
