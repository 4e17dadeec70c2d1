// The same page in Firefox ESR, through WebDriver BiDi: grid, two-up with its settings, one camera, languages.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { out, startFirefox, without_firefox } from '../lib/browsers.mjs';
import { assertLive, assertMoves, box, canvas } from '../lib/look.mjs';
import { startServer } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

describe('Firefox', { skip: without_firefox }, () => {
  let browser;
  let running;
  let page;
  const complaints = [];

  before(async () => {
    running = await startServer();
    browser = await startFirefox();
    page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${running.url}/`);
  });

  after(async () => {
    await browser?.close();
    await running?.finish();
  });

  const go = (hash) => page.evaluate((to) => (location.hash = to), hash);
  const shot = (name) => page.screenshot({ path: join(out, `firefox_${name}.png`) });
  const config = async () => (await fetch(`${running.url}/config`)).json();

  test('two pictures move in the grid', async () => {
    for (const id of ['cam0', 'cam1']) {
      await assertLive(page, id);
      await assertMoves(page, canvas(id));
    }
    await shot('grid');
  });

  test('two-up: gap, rotation, order and resolution are seen', async () => {
    await go('#/two-up');
    await page.waitForSelector('[data-view="pair"]');
    for (const id of ['cam0', 'cam1']) await assertLive(page, id);
    await page.click('[data-setting="rotation-cam1"] label:nth-of-type(2)');
    await until('turned', async () => (await config()).cameras.cam1.rotation === 90);
    await until('the turn is seen', async () => {
      const { width, height } = await box(page, canvas('cam1'));
      return height > width;
    });
    await page.click('[data-setting="resolution"] label:nth-of-type(1)');
    await until('320 wide', () => page.evaluate((selector) => document.querySelector(selector).dataset.width === '320', canvas('cam0')));
    await page.click('[data-setting="order"]');
    await until('cam1 is left', async () => (await box(page, '[data-pane="1"]')).left < (await box(page, '[data-pane="0"]')).left);
    await assertMoves(page, canvas('cam1'));
    await shot('two_up');
  });

  test('one camera with its controls', async () => {
    await go('#/camera/cam0');
    await assertLive(page, 'cam0');
    await assertMoves(page, canvas('cam0'));
    await page.waitForSelector('[data-control="auto_exposure"]');
    await shot('camera');
  });

  test('the chosen language holds after a reload', async () => {
    await page.evaluate(() => localStorage.setItem('camweave.page', JSON.stringify({ locale: 'fr' })));
    await page.reload();
    await until('French', () => page.evaluate(() => document.documentElement.lang === 'fr' && document.body.innerText.includes('En direct')));
  });

  test('no script complained', () => assert.deepEqual(complaints, []));
});
