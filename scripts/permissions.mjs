// `npm run permissions`: writes docs/permissions.md from the table of permissions and the routes. With --check, it
// writes nothing and fails if the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildIfNeeded, root } from './build.mjs';

const file = join(root, 'docs/permissions.md');
const present = () => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
};

buildIfNeeded();
const { permissionsPage } = createRequire(import.meta.url)(join(root, 'dist/apps/api/routes/permissions-page.js'));
const page = permissionsPage();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (present() !== page) {
  process.stderr.write('docs/permissions.md is out of date: run `npm run permissions`\n');
  process.exitCode = 1;
}
