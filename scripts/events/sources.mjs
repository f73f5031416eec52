// Reads the sources of the product, and searches their syntax trees.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../build.mjs';

/** The paths of all sources in a folder except specs, relative to the root of the repository, in alphabetical order. */
export const sourcesIn = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => join(folder, path).replaceAll('\\', '/'))
    .sort();

/** The syntax tree of a source; undefined if its text contains none of the words. */
export const parseIfItHas = (path, words) => {
  const text = readFileSync(join(root, path), 'utf8');
  return words.some((word) => text.includes(word))
    ? ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
    : undefined;
};

/** Calls `pick` for each node below `node`, and returns all results that are not undefined. */
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

/** An expression without its type annotations and parentheses: `[…]` for `[…] as const satisfies …`. */
export const bare = (node) =>
  ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)
    ? bare(node.expression)
    : node;

/** The initializer of an object literal's property; undefined if there is no such property. */
export const propertyOf = (literal, name) =>
  literal.properties.find((it) => ts.isPropertyAssignment(it) && it.name.getText() === name)?.initializer;

/** The names of an object literal's properties. @throws Error a name is not a literal */
export const keysOf = (literal) =>
  literal.properties.map((property) => {
    if (property.name && (ts.isIdentifier(property.name) || ts.isStringLiteral(property.name)))
      return property.name.text;
    const { line } = literal.getSourceFile().getLineAndCharacterOfPosition(property.getStart());
    throw new Error(
      `${literal.getSourceFile().fileName}:${line + 1}: write the name of each event as a literal, so that docs/events.md can list it`,
    );
  });
