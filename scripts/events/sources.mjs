// The sources of the product, and what the other files ask of a syntax tree.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../build.mjs';

/** Paths of all sources without specs in a folder, from the root of the repository, in alphabetical order. */
export const sourcesIn = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => join(folder, path).replaceAll('\\', '/'))
    .sort();

/** The syntax tree of a source; undefined where it does not contain any of the words. */
export const parseIfItHas = (path, words) => {
  const text = readFileSync(join(root, path), 'utf8');
  return words.some((word) => text.includes(word))
    ? ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
    : undefined;
};

/** All nodes below a node that the function returns something for, as what it returns. */
export const collect = (node, pick) => {
  const found = [];
  const visit = (child) => {
    const picked = pick(child);
    if (picked !== undefined) found.push(picked);
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
};

/** `[…] as const satisfies …` without what is said about its type. */
export const bare = (node) =>
  ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)
    ? bare(node.expression)
    : node;

/** The initializer of an object literal's property; undefined where there is no such property. */
export const propertyOf = (literal, name) =>
  literal.properties.find((it) => ts.isPropertyAssignment(it) && it.name.getText() === name)?.initializer;

/** The names of an object literal's properties. @throws Error where they can't be told from the text alone */
export const keysOf = (literal) =>
  literal.properties.map((property) => {
    if (property.name && (ts.isIdentifier(property.name) || ts.isStringLiteral(property.name)))
      return property.name.text;
    const { line } = literal.getSourceFile().getLineAndCharacterOfPosition(property.getStart());
    throw new Error(
      `${literal.getSourceFile().fileName}:${line + 1}: name each event, so that docs/events.md can list it`,
    );
  });
