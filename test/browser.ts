import { chromium, type Browser } from 'playwright-core';
import { findBrowser } from '../scripts/setup/test-tools.mjs';

/** The browser of this machine; `npm test` installs one where it can. */
export const browserPath = findBrowser(process.env);

/** Starts the browser, without a sandbox, which containers have no rights for. */
export function openBrowser(...flags: readonly string[]): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath!, args: ['--no-sandbox', ...flags] });
}
