// `npm start`: builds if the sources have changed, then runs the product in this process, so that the product itself
// receives signals and sets the exit code.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfNeeded, root } from './build.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19) || major > 24) {
  process.stderr.write(`Tenantry needs Node.js 20.19 to 24, and this is ${process.version}; install another version\n`);
  process.exit(1);
}
try {
  buildIfNeeded();
} catch (error) {
  process.stderr.write(`\nTenantry cannot be built: ${error.message}\n\n`);
  process.exit(1);
}
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(root, 'dist/apps/main.js')).href);
