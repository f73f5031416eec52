// `npm run events`: writes docs/events.md from the types of the events and from the code that handles them. With
// --check, it writes nothing and fails if the page is out of date. In both cases it fails if the shape of a stored
// event has changed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './build.mjs';
import { readAggregates } from './events/aggregates.mjs';
import { readHandlers } from './events/handlers.mjs';
import { eventsPage } from './events/page.mjs';
import { changesOfShape } from './events/shapes.mjs';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    page: { type: 'string', default: join(root, 'docs/events.md') },
  },
});

const present = () => {
  try {
    return readFileSync(values.page, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
};

const before = present();
const page = eventsPage(readAggregates(), readHandlers());
const changes = changesOfShape(before, page);
if (changes.length > 0) {
  process.stderr.write(`${changes.join('\n')}

Stored events are never rewritten, so an event keeps its name and its fields. Instead of changing an event, do one of these:
  - add a step to libs/domain/upcasters.ts that turns the stored fields into the new ones: this raises the schema version,
    and then the fields may change.
  - add an event with another name, and keep the old one for the stored events.
Then run \`npm run events\`.
`);
  process.exitCode = 1;
} else if (!values.check) writeFileSync(values.page, page);
else if (before !== page) {
  process.stderr.write('docs/events.md is out of date: run `npm run events`\n');
  process.exitCode = 1;
}
