// Compares the shapes of events with those in the page that was written before: the shape of a stored event must not
// change.

const EVENT = /^### (\w+)$/;
const VERSION = /^- Schema version: (\d+)$/;
const FIELD = /^\| `([^`]+)` \| `([^`]+)` \|/;

/** By event: its schema version, and its fields with their types, as the page shows them. */
const readShapes = (page) => {
  const events = new Map();
  let event;
  for (const line of page.split('\n')) {
    const [, name] = EVENT.exec(line) ?? [];
    if (name) {
      event = { version: 1, fields: new Map() };
      events.set(name, event);
    }
    const [, version] = VERSION.exec(line) ?? [];
    if (event && version) event.version = Number(version);
    const [, path, type] = FIELD.exec(line) ?? [];
    if (event && path) event.fields.set(path, type.replaceAll('\\|', '|'));
  }
  return events;
};

const changesOf = (name, before, now) => {
  if (!now) return [`${name} may be stored in logs, but the code no longer has it.`];
  if (now.version < before.version)
    return [
      `${name} may be stored in schema version ${before.version}, but the highest version in the code is ${now.version}.`,
    ];
  if (now.version > before.version) return [];
  return [...new Set([...before.fields.keys(), ...now.fields.keys()])]
    .filter((path) => before.fields.get(path) !== now.fields.get(path))
    .map((path) => {
      const [was, is] = [before, now].map(({ fields }) => (fields.has(path) ? `\`${fields.get(path)}\`` : 'missing'));
      return `${name} is still in schema version ${now.version}, but its field \`${path}\` was ${was} and is ${is}.`;
    });
};

/** One sentence for each event that the code no longer has, or whose fields have changed within a schema version. */
export const changesOfShape = (before, after) => {
  const now = readShapes(after);
  return [...readShapes(before)].flatMap(([name, shape]) => changesOf(name, shape, now.get(name)));
};
