// `npm run openapi`: examines the OpenAPI documents with Redocly's linter (redocly.yaml), and fails if it reports an error
// or a warning. With a folder as its argument, it also leaves the documents there.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './build.mjs';
import { readDocuments } from './openapi-documents.mjs';

const [wanted] = process.argv.slice(2);
const folder = wanted ? resolve(wanted) : mkdtempSync(join(tmpdir(), 'tenantry-openapi-'));
mkdirSync(folder, { recursive: true });
try {
  const documents = await readDocuments();
  const files = Object.entries(documents).map(([name, document]) => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(document, null, 2));
    return file;
  });
  const redocly = fileURLToPath(import.meta.resolve('@redocly/cli/bin/cli.js'));
  const { status } = spawnSync(
    process.execPath,
    [redocly, 'lint', ...files, '--config', join(root, 'redocly.yaml'), '--max-problems', '200'],
    { stdio: 'inherit', env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } },
  );
  process.exitCode = status ?? 1;
} finally {
  if (!wanted) rmSync(folder, { recursive: true, force: true });
}
