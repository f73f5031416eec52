import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

describe('nest-cli.json', () => {
  it('names files that exist', () => {
    const { sourceRoot, entryFile, compilerOptions } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
    const named = [
      `${sourceRoot}/${entryFile}.ts`,
      compilerOptions.tsConfigPath,
      compilerOptions.builder.options.swcrcPath,
    ];
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});
