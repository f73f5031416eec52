import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(folder, name));

/** The anchors of the headings: `## Signing keys` has the anchor `signing-keys`. */
const anchorsOf = (document: string): string[] =>
  [...readFileSync(join(root, document), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );

describe('the runbook of a readiness check', () => {
  const links = [...sources('apps'), ...sources('libs')].flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/runbook: '([^'#]+)#([^']+)'/g)].map(
      ([, document = '', anchor = '']) => [document, anchor] as const,
    ),
  );

  it.each(links)('%s#%s exists', (document, anchor) => {
    expect(anchorsOf(document)).toContain(anchor);
  });

  it('is found for more than seven checks', () => {
    expect(links.length).toBeGreaterThan(7);
  });
});

describe('the list of metrics in docs/reliability.md', () => {
  const documented = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
  const metrics = [...sources('apps'), ...sources('libs')]
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .filter((text) => text.includes("from 'prom-client'"))
    .flatMap((text) => [...text.matchAll(/'((?:tenantry|http)_[a-z_]+)'/g)].map(([, name = '']) => name));

  it('contains every metric', () => {
    expect(metrics.length).toBeGreaterThan(15);
    expect(metrics.filter((name) => !documented.includes(`\`${name}`))).toEqual([]);
  });
});
