import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVENT_TYPES } from '#domain/events';
import { projections } from '#projections/index';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/events.md'), 'utf8');

const check = (path: string): { readonly status: number | null; readonly errors: string } => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/events.mjs', '--check', '--page', path], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, errors: stderr };
};

/** Runs the check against the page of an earlier release and returns its errors. */
const checkAgainst = (earlier: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'events-'));
  try {
    writeFileSync(join(folder, 'events.md'), earlier);
    const { status, errors } = check(join(folder, 'events.md'));
    expect(status).toBe(1);
    return errors;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const replaced = (text: string, replacement: string): string => {
  expect(page).toContain(text);
  return page.replace(text, replacement);
};

// Each check starts a compiler, which takes a long time on a busy machine.
jest.setTimeout(300_000);

describe('docs/events.md, the contract of stored events', () => {
  it('agrees with the code', () => expect(check('docs/events.md')).toEqual({ status: 0, errors: '' }));

  it('lists each event that this release knows', () => {
    const listed = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...EVENT_TYPES].sort());
  });

  it('names the projections that handle each event', () => {
    for (const type of EVENT_TYPES) {
      const handled = projections.filter(({ types }) => types.includes(type)).map(({ name }) => name);
      const [, named] = new RegExp(`^\\| \\[${type}\\][^|]*\\|[^|]*\\|[^|]*\\|([^|]*)\\|`, 'm').exec(page) ?? [];
      expect([type, ...(named ?? '').split(',').map((name) => name.trim())].sort()).toEqual(
        [type, ...(handled.length === 0 ? [''] : handled)].sort(),
      );
    }
  });

  it('is not written while a stored event is missing or has another field; the error says what to do', () => {
    const earlier = replaced('| `times` | `number` |', '| `times` | `string` |').replace(
      '### TaskDeleted\n',
      '### TaskBurnt\n\n- Schema version: 1\n\n### TaskDeleted\n',
    );
    const errors = checkAgainst(earlier);
    expect(errors).toContain('TaskBurnt may be stored in logs, but the code no longer has it.');
    expect(errors).toContain(
      'SignInsFailed is still in schema version 1, but its field `times` was `string` and is `number`.',
    );
    expect(errors).toContain('add a step to libs/domain/upcasters.ts');
    expect(errors).toContain('add an event with another name');
  });

  it('may be written if an event has other fields in a higher schema version, and with new events', () => {
    const [before = '', after = ''] = page.split('### PaymentFailed\n');
    const failed = after.replace('Schema version: 2', 'Schema version: 1').replace(/^\| `attempt` .*\n/m, '');
    const earlier = `${before}### PaymentFailed\n${failed}`.replace(/### TaskDeleted\n[^#]*/, '');
    expect(earlier).not.toContain('### TaskDeleted');
    expect(checkAgainst(earlier)).toBe('docs/events.md is out of date: run `npm run events`\n');
  });
});
