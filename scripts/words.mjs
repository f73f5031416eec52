// `npm run words`: fails if prose contains a phrase that docs/glossary.md bans. Prose is Markdown outside of code,
// comments, and text in quotes. Names in code are not checked.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const GLOSSARY = 'docs/glossary.md';
const BANNED_HEADING = '## Banned phrases';

/** The phrases in the first column of the table below {@link BANNED_HEADING}, each with the words to use instead. */
const bannedPhrases = () => {
  const [, section = ''] = readFileSync(join(root, GLOSSARY), 'utf8').split(BANNED_HEADING);
  const rows = [...section.matchAll(/^\| `([^`]+)` \| (.+?) \|$/gm)];
  if (rows.length === 0) throw new Error(`${GLOSSARY} has no table of phrases below "${BANNED_HEADING}"`);
  return rows.map(([, phrase, instead]) => ({ phrase, instead, pattern: patternOf(phrase) }));
};

/** A pattern for the phrase. Any white space, or the start of the next comment line, may separate two words. */
const patternOf = (phrase) => {
  const words = phrase.split(' ').map((it) => it.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`(?<![\\w-])${words.join('(?:\\s+(?:(?:\\*|//)\\s+)?)')}(?![\\w-])`, 'gi');
};

/** Replaces each character except line breaks with a blank, so that positions stay the same. */
const blank = (text) => text.replaceAll(/[^\n]/g, ' ');

const proseOfMarkdown = (text) => text.replaceAll(/^```[\s\S]*?^```/gm, blank).replaceAll(/`[^`\n]*`/g, blank);

const IS_TEXT = new Set([
  ts.SyntaxKind.StringLiteral,
  ts.SyntaxKind.NoSubstitutionTemplateLiteral,
  ts.SyntaxKind.TemplateHead,
  ts.SyntaxKind.TemplateMiddle,
  ts.SyntaxKind.TemplateTail,
]);

/** The source with only its comments and texts in quotes; everything else is replaced with blanks. */
const proseOfCode = (text, path) => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const code = [];
  const visit = (node) => {
    if (node.kind > ts.SyntaxKind.LastToken || !IS_TEXT.has(node.kind)) {
      let from = node.getStart(source);
      let leaf = true;
      ts.forEachChild(node, (child) => {
        leaf = false;
        visit(child);
        from = child.end;
      });
      if (leaf) code.push([from, node.end]);
    }
  };
  visit(source);
  let prose = text;
  for (const [from, end] of code) prose = prose.slice(0, from) + blank(prose.slice(from, end)) + prose.slice(end);
  // Text in backticks in comments is code, and is not checked.
  return prose.replaceAll(/(?<=(?:\/\/|\*).*)`[^`\n]*`/g, blank);
};

const proseOf = (path, text) => (path.endsWith('.md') ? proseOfMarkdown(text) : proseOfCode(text, path));

const phrases = bannedPhrases();
// SQL is not checked: most of it is migrations, which are never changed after their release.
const files = execFileSync('git', ['ls-files', '*.ts', '*.mjs', '*.md'], { cwd: root, encoding: 'utf8' });
let found = 0;
for (const path of files.split('\n')) {
  if (path === '' || path === GLOSSARY || !existsSync(join(root, path))) continue;
  const prose = proseOf(path, readFileSync(join(root, path), 'utf8'));
  for (const { phrase, instead, pattern } of phrases) {
    for (const { index } of prose.matchAll(pattern)) {
      found += 1;
      const line = prose.slice(0, index).split('\n').length;
      process.stderr.write(`${path}:${line}: "${phrase}" is banned by ${GLOSSARY}; use ${instead}\n`);
    }
  }
}
if (found > 0) process.exitCode = 1;
