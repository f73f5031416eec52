// Loaded by `node --require` before the product. It shifts the clock of the process by the number of milliseconds in a
// file, which a test can change while the process runs. Timers and `performance.now()` are not changed, as on a machine
// whose clock is set.
const { readFileSync } = require('node:fs');

const READ_INTERVAL_MS = 50;
const RealDate = Date;
const realNow = RealDate.now;
let shiftMs = 0;

const readShift = () => {
  try {
    shiftMs = Number(readFileSync(process.env.TEST_CLOCK_FILE, 'utf8'));
  } catch {
    shiftMs = 0;
  }
};
const now = () => realNow() + shiftMs;

readShift();
setInterval(readShift, READ_INTERVAL_MS).unref();
RealDate.now = now;
globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
});
