// Starts the browsers of the distribution: Chromium by playwright-core, Firefox ESR by puppeteer-core (WebDriver BiDi).
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const out = fileURLToPath(new URL('../out/', import.meta.url));
mkdirSync(out, { recursive: true });

const found = (...paths) => paths.find((path) => path && existsSync(path));
export const chromium_path = found(process.env.CAMWEAVE_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser');
export const firefox_path = found(process.env.CAMWEAVE_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox');

// What node:test takes as `skip`.
export const without_chromium = chromium_path ? false : 'chromium is not here';
export const without_firefox = firefox_path ? false : 'firefox-esr is not here';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function startChromium(more_flags = []) {
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath: chromium_path, args: [...flags, ...more_flags] });
}

export async function startFirefox() {
  const { default: puppeteer } = await import('puppeteer-core');
  return puppeteer.launch({ browser: 'firefox', executablePath: firefox_path, headless: true });
}

// Opens the page on a context of its own; what the page complains about is collected in page.complaints. prepare(page) is
// done before it is opened.
export async function openPage(browser, url, { hash = '', init, prepare, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    // A server that is away is part of some tests; the browser reports each try.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection|ERR_/.test(message.text())) page.complaints.push(message.text());
  });
  if (init) await page.addInitScript(init);
  await prepare?.(page);
  await page.goto(`${url}/${hash}`);
  return page;
}

export const screenshot = (page, name) => page.screenshot({ path: join(out, `${name}.png`) });
