// Renders docs/events.md from the results of the other files.
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const cell = (text) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
const code = (text) => `\`${cell(text)}\``;
const list = (names) => names.map(code).join(', ');

const section = (event, handlers) => {
  const of = (kind) =>
    handlers.filter((it) => it.kind === kind && it.types.includes(event.name)).map(({ name }) => name);
  const handled = [
    ['Projections', of('projections')],
    ['Reactions', of('reactions')],
    ['Followed in memory by', of('followers')],
  ].filter(([, names]) => names.length > 0);
  const fields = event.fields.map(({ path, type, comment }) => [code(path), code(type), cell(comment)]);
  return [
    `### ${event.name}`,
    ...(event.comment ? [event.comment] : []),
    [
      `- Schema version: ${event.version}`,
      `- Part: \`${event.part}\``,
      ...handled.map(([title, names]) => `- ${title}: ${list(names)}`),
      ...(handled.length === 0 ? ['- Handled by no projection and no reaction'] : []),
    ].join('\n'),
    fields.length === 0 ? 'It has no fields.' : table(['field', 'type', 'meaning'], fields),
  ].join('\n\n');
};

const chapter = ({ aggregate, stream, comment, fold, events }, handlers) => [
  `## ${aggregate}`,
  [
    `Stream: \`${stream}\`.${comment ? ` ${comment}` : ''}`,
    fold
      ? `All of its events are folded to the aggregate's state by \`${fold}\`.`
      : 'Its events are not folded to a state.',
  ].join(' '),
  ...events.map((event) => section(event, handlers)),
];

/** The whole page: a chapter for each aggregate, a section for each event. */
export const eventsPage = (aggregates, handlers) =>
  `${[
    '# Events',
    `Every event that the log may hold, with its stream, its fields, and what handles it. Written by \`npm run events\` from
\`libs/domain/events.ts\`, the projections and the reactions; \`npm run check\` fails where it is out of date.`,
    `The names and the fields are a storage contract: an event that is stored is never rewritten. So an event keeps its name
and its fields, and \`npm run events\` refuses to write a change of them. A changed shape is a new step in
\`libs/domain/upcasters.ts\`, which raises the schema version; a changed meaning is an event with another name.`,
    `In the names of streams, \`<tenant>\` stands for the tenant's id as 32 hexadecimal digits before the hyphen, and for its
UUID elsewhere. All times are RFC 3339. Each event also has metadata, which is the same for all of them: its id, tenant,
actor, access record (see [identity.md](identity.md#access-records)), correlation and causation id, time, and schema version.`,
    table(
      ['event', 'stream', 'version', 'projections', 'reactions'],
      aggregates.flatMap(({ stream, events }) =>
        events.map(({ name, version }) => [
          `[${name}](#${name.toLowerCase()})`,
          ...[code(stream), String(version)],
          ...['projections', 'reactions'].map((kind) =>
            handlers
              .filter((it) => it.kind === kind && it.types.includes(name))
              .map((it) => it.name)
              .join(', '),
          ),
        ]),
      ),
    ),
    ...aggregates.flatMap((aggregate) => chapter(aggregate, handlers)),
  ].join('\n\n')}\n`;
