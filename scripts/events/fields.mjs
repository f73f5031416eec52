// Reads the fields of an event. Types are written out completely, so that two types are equal if their texts are equal.
import ts from 'typescript';

const isObject = (type) => (type.flags & ts.TypeFlags.Object) !== 0 || type.isIntersection();
const elementOf = (type, checker) => (checker.isArrayType(type) ? checker.getTypeArguments(type)[0] : undefined);
const isOptional = (property) => (property.flags & ts.SymbolFlags.Optional) !== 0;

const comparable = (a, b) => (a === 'null' ? 1 : b === 'null' ? -1 : a < b ? -1 : 1);

/** Index signatures, as in `{ [name: string]: number }`. */
const indexesOf = (type, checker) =>
  checker.getIndexInfosOfType(type).filter((it) => (it.type.flags & ts.TypeFlags.Never) === 0);

const objectText = (type, checker) => {
  const properties = checker.getPropertiesOfType(type).map((property) => {
    const text = textOf(checker.getTypeOfSymbol(property), checker);
    return `${property.name}${isOptional(property) ? '?' : ''}: ${text}`;
  });
  const indexes = indexesOf(type, checker).map((it) => `[key]: ${textOf(it.type, checker)}`);
  return `{ ${[...properties, ...indexes].join('; ')} }`;
};

/** The type as a text. The parts of unions are sorted, because their order in the compiler is not stable. */
const textOf = (type, checker) => {
  const element = elementOf(type, checker);
  if (element) {
    const text = textOf(element, checker);
    return text.includes(' | ') ? `(${text})[]` : `${text}[]`;
  }
  if ((type.flags & ts.TypeFlags.Boolean) !== 0) return 'boolean';
  if (type.isUnion()) {
    const texts = new Set(type.types.map((it) => textOf(it, checker)));
    // An optional field is marked by the ? in its name.
    texts.delete('undefined');
    return [...texts].sort(comparable).join(' | ');
  }
  if (type.isStringLiteral()) return `'${type.value}'`;
  return isObject(type) ? objectText(type, checker) : checker.typeToString(type);
};

const commentOf = (property, checker) => ts.displayPartsToString(property.getDocumentationComment(checker));

/**
 * One entry for each field with a value: `path` (`terms.limits.seats`, `lines[].amount`, `name?`), `type`, `comment`.
 */
export const readFields = (type, checker, path = '', comment = '') => {
  const element = elementOf(type, checker);
  if (element && isObject(element)) return readFields(element, checker, `${path}[]`, comment);
  if (element || !isObject(type)) return [{ path: path || 'data', type: textOf(type, checker), comment }];
  const inside = (name) => (path ? `${path}.${name}` : name);
  return [
    ...checker.getPropertiesOfType(type).flatMap((property) => {
      const name = inside(isOptional(property) ? `${property.name}?` : property.name);
      return readFields(checker.getTypeOfSymbol(property), checker, name, commentOf(property, checker));
    }),
    ...indexesOf(type, checker).flatMap((it) => readFields(it.type, checker, inside('[key]'))),
  ];
};
