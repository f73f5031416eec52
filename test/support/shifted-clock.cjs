// Loaded by `node --require` before the product: its clock differs from the machine's by the milliseconds in a file, which
// a test may change while the process runs. Timers and `performance.now()` go on as before, as on a machine whose clock is
// set.
const { readFileSync } = require('node:fs');

const LOOK_MS = 50;
const RealDate = Date;
const realNow = RealDate.now;
let shiftMs = 0;

const look = () => {
  try {
    shiftMs = Number(readFileSync(process.env.TEST_CLOCK_FILE, 'utf8'));
  } catch {
    shiftMs = 0;
  }
};
const now = () => realNow() + shiftMs;

look();
setInterval(look, LOOK_MS).unref();
RealDate.now = now;
globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
});
