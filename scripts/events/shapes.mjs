// What must not change once it is stored, read back from a page that was written before.

const EVENT = /^### (\w+)$/;
const VERSION = /^- Schema version: (\d+)$/;
const FIELD = /^\| `([^`]+)` \| `([^`]+)` \|/;

/** By event: its schema version, and its fields with their types. */
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
  if (!now) return [`${name} is stored in logs, and the code no longer has it.`];
  if (now.version < before.version)
    return [`${name} is stored in schema version ${before.version}, and the code knows ${now.version} at most.`];
  if (now.version > before.version) return [];
  return [...new Set([...before.fields.keys(), ...now.fields.keys()])]
    .filter((path) => before.fields.get(path) !== now.fields.get(path))
    .map((path) => {
      const [was, is] = [before, now].map(({ fields }) => (fields.has(path) ? `\`${fields.get(path)}\`` : 'missing'));
      return `${name} is still in schema version ${now.version}, but its field \`${path}\` was ${was} and is ${is}.`;
    });
};

/** One sentence for each stored event that is gone, or has other fields in the same schema version. */
export const changesOfShape = (before, after) => {
  const now = readShapes(after);
  return [...readShapes(before)].flatMap(([name, shape]) => changesOf(name, shape, now.get(name)));
};
