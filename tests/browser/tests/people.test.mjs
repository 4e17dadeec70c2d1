// Who uses the page, and on what: three languages, keyboard, screen reader (axe-core), phone to 4K, light and dark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertNoComplaints, box, canvas, tile } from '../lib/look.mjs';
import { startServer } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const languages = [
  { locale: 'en-GB', lang: 'en', live: 'Live', pair: 'Two-up', help: 'Keyboard shortcuts', fps: /\d fps/ },
  { locale: 'ko-KR', lang: 'ko', live: '실시간', pair: '나란히 보기', help: '키보드 단축키', fps: /\d fps/ },
  { locale: 'fr-FR', lang: 'fr', live: 'En direct', pair: 'Vue double', help: 'Raccourcis clavier', fps: /\d\u00a0i\/s/ },
];

describe('people', { skip: without_chromium }, () => {
  let browser;
  let running;

  before(async () => {
    running = await startServer();
    browser = await startChromium();
  });

  after(async () => {
    await browser?.close();
    await running?.finish();
  });

  async function open(options) {
    const page = await openPage(browser, running.url, options);
    await page.waitForSelector('canvas');
    return page;
  }

  for (const { locale, lang, live, pair, help, fps } of languages) {
    test(`the browser's language: ${locale}`, async () => {
      const page = await open({ locale });
      assert.equal(await page.locator('html').getAttribute('lang'), lang);
      await until('live, in words', async () => (await page.locator(tile('cam0')).innerText()).includes(live));
      await until('a frame rate', async () => fps.test(await page.locator(tile('cam0')).innerText()));
      await page.getByRole('link', { name: pair }).waitFor();
      await page.keyboard.press('?');
      await page.getByRole('heading', { name: help }).waitFor();
      await screenshot(page, `help_${lang}`);
      await page.keyboard.press('Escape');
      await page.goto(`${running.url}/#/two-up`);
      await assertLive(page, 'cam0');
      await screenshot(page, `two_up_${lang}`);
      await page.goto(`${running.url}/#/camera/cam0`);
      await assertLive(page, 'cam0');
      await screenshot(page, `camera_${lang}`);
      assertNoComplaints(page);
      await page.context().close();
    });
  }

  test('a language that the page does not speak gives English; one chosen stays after a reload', async () => {
    const page = await open({ locale: 'fi-FI' });
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    await page.getByRole('button', { name: 'Language and appearance' }).click();
    await page.getByLabel('Language', { exact: true }).selectOption('ko');
    await page.getByRole('link', { name: '나란히 보기' }).waitFor();
    await page.reload();
    await page.getByRole('link', { name: '나란히 보기' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'ko');
    await page.context().close();
  });

  test('light and dark, by the device or chosen', async () => {
    const page = await open({ colorScheme: 'dark' });
    const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((value) => Number(value) < 60));
    await until('dark', dark);
    await page.getByRole('button', { name: 'Language and appearance' }).click();
    await page.getByRole('radio', { name: 'Light' }).check();
    await until('light', async () => !(await dark()));
    await page.reload();
    await page.waitForSelector('canvas');
    await until('light after a reload, too', async () => !(await dark()));
    await page.context().close();
  });

  const views = [
    ['grid', ''],
    ['two_up', '#/two-up'],
    ['camera', '#/camera/cam0'],
  ];
  const screens = [
    ['phone', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }],
    ['phone_small', { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true }],
    ['phone_lying', { viewport: { width: 844, height: 390 }, hasTouch: true, isMobile: true }],
    ['tablet', { viewport: { width: 820, height: 1180 } }],
    ['desktop', {}],
    ['4k', { viewport: { width: 3840, height: 2160 } }],
  ];
  for (const [screen, options] of screens) {
    test(`${screen}: nothing is wider than the screen, every view shows its pictures`, async () => {
      const page = await open(options);
      for (const [view, hash] of views) {
        await page.goto(`${running.url}/${hash}`);
        await assertLive(page, 'cam0');
        const { wide, width } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, width: innerWidth }));
        assert.ok(wide <= width, `${view}: ${wide} on ${width}`);
        const picture = await box(page, canvas('cam0'));
        assert.ok(picture.left >= -1 && picture.right <= width + 1 && picture.width >= 100, `${view}: ${JSON.stringify(picture)}`);
        await screenshot(page, `${view}_${screen}`);
      }
      assertNoComplaints(page);
      await page.context().close();
    });
  }

  for (const colorScheme of ['light', 'dark']) {
    for (const [view, hash] of views) {
      test(`axe finds nothing serious: ${view}, ${colorScheme}`, async () => {
        const page = await open({ colorScheme, hash });
        await assertLive(page, 'cam0');
        if (view === 'camera') await page.waitForSelector('[data-control]');
        await assertAccessible(page);
        await page.keyboard.press('?');
        await page.waitForSelector('dialog[open]');
        await assertAccessible(page);
        await page.context().close();
      });
    }
  }

  async function assertAccessible(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(serious.map(({ id, nodes }) => [id, ...nodes.map((node) => `${node.html} ${node.failureSummary}`)]), []);
  }

  test('keyboard: from tile to tile, alone, next, back, order, views, help', async () => {
    const page = await open();
    await assertLive(page, 'cam0');
    const focused = () => page.evaluate(() => document.activeElement?.closest('[data-camera]')?.dataset.camera);
    await page.keyboard.press('ArrowRight');
    await until('the first tile has focus', async () => (await focused()) === 'cam0');
    await page.keyboard.press('ArrowRight');
    await until('the second tile has focus', async () => (await focused()) === 'cam1');
    // The address changes before the view does, and the next key belongs to the view.
    const alone = (camera) =>
      until(`${camera} alone`, async () => {
        const shown = await page.evaluate(() => [...document.querySelectorAll('[data-camera]')].map((tile) => tile.dataset.camera).join());
        return shown === camera && page.url().endsWith(`#/camera/${camera}`);
      });
    await page.keyboard.press('Enter');
    await alone('cam1');
    await page.keyboard.press('ArrowLeft');
    await alone('cam0');
    await page.keyboard.press('Escape');
    await until('the grid, standing on cam0', async () => (await focused()) === 'cam0' && page.url().endsWith('#/'));
    await page.keyboard.press('2');
    await alone('cam1');
    await page.keyboard.press('t');
    await page.waitForSelector('[data-view="pair"]');
    await page.keyboard.press('g');
    await page.waitForSelector('[data-slot]');
    await page.locator('[data-slot="cam0"] .open').focus();
    await page.keyboard.press('Shift+ArrowRight');
    const order = () => page.evaluate(() => [...document.querySelectorAll('[data-slot]')].map((slot) => slot.dataset.slot).join());
    await until('cam0 is second', async () => (await order()) === 'cam1,cam0');
    await page.reload();
    await page.waitForSelector('[data-slot]');
    await until('after a reload, too', async () => (await order()) === 'cam1,cam0');
    assertNoComplaints(page);
    await page.context().close();
  });

  test('keyboard: full screen of the focused camera, and out again', async () => {
    const page = await open();
    await assertLive(page, 'cam0');
    await page.locator('[data-slot="cam1"] .open').focus();
    await page.keyboard.press('f');
    await until('full screen', () => page.evaluate(() => document.fullscreenElement?.closest('[data-slot]')?.dataset.slot === 'cam1'));
    await page.keyboard.press('f');
    await until('no full screen', () => page.evaluate(() => document.fullscreenElement === null));
    await page.context().close();
  });

  test('a tile dragged onto another takes its place', async () => {
    const page = await open();
    await assertLive(page, 'cam0');
    const grip = await page.locator('[data-slot="cam0"] .grip').boundingBox();
    const other = await page.locator('[data-slot="cam1"]').boundingBox();
    await page.mouse.move(grip.x + 5, grip.y + 10);
    await page.mouse.down();
    await page.mouse.move(other.x + other.width / 2, other.y + other.height / 2, { steps: 6 });
    await screenshot(page, 'dragging');
    await page.mouse.up();
    await until('cam1 is first', () => page.evaluate(() => document.querySelector('[data-slot]').dataset.slot === 'cam1'));
    await assertLive(page, 'cam0');
    await page.context().close();
  });

  test('picture in picture', async (context) => {
    const page = await open();
    await assertLive(page, 'cam0');
    if (!(await page.evaluate(() => document.pictureInPictureEnabled))) {
      await page.context().close();
      return context.skip('this browser has no picture in picture');
    }
    // The permission that a click gives lasts five seconds: where the first picture took longer, the user clicks again.
    const floats = () => page.evaluate(() => document.pictureInPictureElement !== null);
    for (let clicks = 0; clicks < 4 && !(await floats()); clicks += 1) {
      await page.getByRole('button', { name: 'cam0 as picture in picture' }).click();
      await until('the floating window', floats, 6_000).catch(() => undefined);
    }
    assert.ok(await floats());
    const time = () => page.evaluate(() => document.pictureInPictureElement?.currentTime ?? 0);
    const first = await time();
    await until('it moves', async () => (await time()) > first);
    await page.context().close();
    return undefined;
  });
});
