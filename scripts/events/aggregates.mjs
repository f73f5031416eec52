// Reads the events from their types: by aggregate, with fields, comments and schema version.
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../build.mjs';
import { readFields } from './fields.mjs';
import { bare, collect, propertyOf, sourcesIn } from './sources.mjs';

const EVENTS = 'libs/domain/events.ts';
const UPCASTERS = 'libs/domain/upcasters.ts';

const constantsOf = (source) =>
  source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => [...declarationList.declarations]);

const literalOf = (source, name) => {
  const literal = constantsOf(source).find((it) => it.name.getText() === name)?.initializer;
  if (!literal || !ts.isObjectLiteralExpression(bare(literal)))
    throw new Error(
      `${source.fileName}: ${name} must be an object literal, because docs/events.md is written from its source text`,
    );
  return bare(literal);
};

const commentOf = (symbol, checker) => ts.displayPartsToString(symbol?.getDocumentationComment(checker) ?? []);

/** The schema version of each event with upcasters: the number of its steps plus one. */
const readVersions = (program) => {
  const literal = literalOf(program.getSourceFile(join(root, UPCASTERS)), 'upcasters');
  return new Map(literal.properties.map((it) => [it.name.getText(), bare(it.initializer).elements.length + 1]));
};

/** The streams, for example `<tenant>-task.<task>`. They are read from the comments of the table of names. */
const readStreams = (program, checker) =>
  literalOf(program.getSourceFile(join(root, EVENTS)), 'NAMES').properties.map((property) => {
    const aggregate = property.name.text;
    const comment = commentOf(checker.getSymbolAtLocation(property.name), checker);
    const stream = /`((<tenant>-)?([a-z_]+)[.-]<\w+>)`/.exec(comment);
    if (stream?.[3] !== aggregate)
      throw new Error(
        `${EVENTS}: write the stream of ${aggregate} into its comment, such as \`<tenant>-${aggregate}.<id>\``,
      );
    return { aggregate, stream: stream[1], comment: comment.replace(/^`[^`]+`\.?\s*/, '') };
  });

/** By aggregate: the name of the constant that folds its events to its state. */
const readFolds = (program) =>
  new Map(
    sourcesIn('libs/domain')
      .map((path) => program.getSourceFile(join(root, path)))
      .flatMap((source) => (source ? constantsOf(source) : []))
      .flatMap(({ name, initializer }) => {
        const literal = initializer && bare(initializer);
        if (!literal || !ts.isObjectLiteralExpression(literal)) return [];
        const aggregate = propertyOf(literal, 'aggregate');
        const folds = collect(literal, (it) => (it.name?.getText() === 'evolve' ? it : undefined)).length > 0;
        return aggregate && folds && ts.isStringLiteral(aggregate) ? [[aggregate.text, name.getText()]] : [];
      }),
  );

const eventOf = (type, versions, checker) => {
  const property = (name) => checker.getTypeOfSymbol(type.getProperty(name));
  const name = property('type').value;
  return {
    name,
    comment: commentOf(type.aliasSymbol, checker),
    version: versions.get(name) ?? 1,
    fields: readFields(property('data'), checker),
  };
};

/**
 * Each aggregate with `stream`, `comment`, `fold` (undefined if it has no state) and `events`, in the order of the
 * code.
 */
export const readAggregates = () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, types: [], incremental: false },
    root,
  );
  delete options.tsBuildInfoFile;
  const files = [EVENTS, UPCASTERS, ...sourcesIn('libs/domain').filter((path) => path.endsWith('/evolve.ts'))];
  const program = ts.createProgram(
    files.map((path) => join(root, path)),
    options,
  );
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(root, EVENTS));
  const groups = source.statements.find((it) => ts.isTypeAliasDeclaration(it) && it.name.text === 'DomainEvents');
  const versions = readVersions(program);
  const folds = readFolds(program);
  return readStreams(program, checker).map(({ aggregate, ...about }) => ({
    ...{ aggregate, ...about, fold: folds.get(aggregate) },
    events: checker
      .getTypeAtLocation(groups)
      .getProperties()
      .filter(({ name }) => name.split('.')[0] === aggregate)
      .flatMap((group) => {
        const type = checker.getTypeOfSymbol(group);
        return (type.isUnion() ? type.types : [type]).map((event) => ({
          part: group.name,
          ...eventOf(event, versions, checker),
        }));
      }),
  }));
};
