import { openJobs } from './support';

// A process of its own, for tests that kill it: `node worker.js URL QUEUE` tells on standard output what it takes, and
// is never done with it.
const [url = '', queue = ''] = process.argv.slice(2);

openJobs(url).jobs.work<{ n: number }>(
  queue,
  async ({ n }) => {
    process.stdout.write(`${n}\n`);
    await new Promise(() => {});
  },
  { concurrency: 3, timeoutMs: 60_000 },
);
