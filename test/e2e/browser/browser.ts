import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of a Chromium, which `CHROMIUM_PATH` overrides. Undefined if there is none: tests that need one are skipped. */
export const browserPath = (): string | undefined => {
  const override = process.env['CHROMIUM_PATH'];
  return override ?? PATHS.find((path) => existsSync(path));
};

/** A headless browser that sends only the requests of the pages, and none for updates or the like. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
