import { openJobs } from './support';

// A worker process that tests kill: `node worker.js URL QUEUE` prints the number of each wake-up that it receives, and
// never finishes processing it.
const [url = '', queue = ''] = process.argv.slice(2);

openJobs(url).jobs.work<{ n: number }>(
  queue,
  async ({ n }) => {
    process.stdout.write(`${n}\n`);
    await new Promise(() => {});
  },
  { concurrency: 3, timeoutMs: 60_000 },
);
