import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a browser is; undefined: there is none, and what needs one is skipped. */
export const browserPath = (): string | undefined => {
  const given = process.env['CHROMIUM_PATH'];
  return given ?? PLACES.find((path) => existsSync(path));
};

/** A browser without a window, that asks nobody else for anything. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
