// Finds the code that handles each event: projections, reactions, and code that follows events in memory.
import ts from 'typescript';
import { bare, collect, keysOf, parseIfItHas, propertyOf, sourcesIn } from './sources.mjs';

const callTo = (node, name) =>
  ts.isCallExpression(node) && node.expression.getText() === name ? node.arguments : undefined;

const projection = (node) => {
  const [definition] = callTo(node, 'defineProjection') ?? [];
  if (!definition || !ts.isObjectLiteralExpression(definition)) return undefined;
  const [name, on] = [propertyOf(definition, 'name'), propertyOf(definition, 'on')];
  return name && on && { kind: 'projections', name: name.text, types: keysOf(on) };
};

const reaction = (node) => {
  const [name, on] = callTo(node, 'defineReaction') ?? [];
  return name && on && ts.isObjectLiteralExpression(on)
    ? { kind: 'reactions', name: name.text, types: keysOf(on) }
    : undefined;
};

/** The texts of the elements of an array literal, or of a constant array in the same file. */
const elementsOf = (node) => {
  if (!ts.isIdentifier(node)) return bare(node).elements?.map(({ text }) => text);
  const [constant] = collect(node.getSourceFile(), (it) =>
    ts.isVariableDeclaration(it) && it.name.getText() === node.text ? it.initializer : undefined,
  );
  return constant && elementsOf(bare(constant));
};

const follower = (node) => {
  const [, types] = callTo(node, 'followFacts') ?? [];
  if (!types) return undefined;
  const name = node.getSourceFile().fileName;
  const names = elementsOf(types);
  if (!names)
    throw new Error(`${name}: list the followed events as an array of literals, so that docs/events.md can list them`);
  return { kind: 'followers', name, types: names };
};

/**
 * All code that handles events. `kind` is `projections`, `reactions` or `followers`; `name` is its name (for a
 * follower, its file); `types` are the names of the events.
 */
export const readHandlers = () =>
  ['apps', 'libs', 'projections'].flatMap(sourcesIn).flatMap((path) => {
    const source = parseIfItHas(path, ['defineProjection', 'defineReaction', 'followFacts']);
    return source ? collect(source, (node) => projection(node) ?? reaction(node) ?? follower(node)) : [];
  });
