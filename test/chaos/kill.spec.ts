import { setTimeout as sleep } from 'node:timers/promises';
import { kills } from '#testing/seeds';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { startLoad, tallyOf } from './client';

const KILLS = kills(6);

jest.setTimeout(120_000 + KILLS * 10_000);

/** The product is killed at random moments, again and again, while clients send requests. */
describe(`the product, killed ${KILLS} times under load`, () => {
  let system: System;

  beforeAll(async () => {
    system = await openSystem();
  });

  afterAll(async () => {
    await endAll();
    await system.close();
  });

  it('loses no acknowledged write, writes none twice, and leaves every sign-up complete or absent', async () => {
    const load = startLoad({ clients: 24 + Math.min(KILLS, 60), atOnce: 8 });
    const { api } = load;
    for (let killed = 0; killed < KILLS; killed++) {
      const product = system.start();
      api.url = await product.ready();
      await sleep(100 + Math.random() * 900);
      await product.end('SIGKILL');
      api.url = undefined;
    }
    const product = system.start();
    api.url = await product.ready();
    // On a slow machine, too, enough writes must have been acknowledged for the check to be meaningful. A busy one
    // acknowledges a few thousand less during the kills, and needs some minutes for them afterwards.
    await until(() => tallyOf(api).acknowledged > KILLS * 10, 60_000 + KILLS * 1_000);
    await load.stop();
    const complaints = await system.complaints(api.tenants);
    const { signUps, commands, acknowledged } = tallyOf(api);
    process.stderr.write(
      `kill -9: ${KILLS} kills, ${signUps} sign-ups, ${commands} commands, ${acknowledged} acknowledged, ${complaints.length} complaints\n`,
    );
    expect(complaints).toEqual([]);
    expect(acknowledged).toBeGreaterThan(KILLS * 10);
    expect(api.answers.get(500)).toBeUndefined();
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
