// The live view in Chromium, on either server: pictures move, tiles say what they should, the page comes back by itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertMoves, assertNoComplaints, box, canvas, tile } from '../lib/look.mjs';
import { startServer } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

describe('live view', { skip: without_chromium }, () => {
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

  test('two pictures move; name, state in words and frame rate are there', async () => {
    const page = await openPage(browser, running.url);
    for (const id of ['cam0', 'cam1']) {
      await assertLive(page, id);
      await assertMoves(page, canvas(id));
      const text = await page.locator(tile(id)).first().innerText();
      assert.match(text, new RegExp(id));
      assert.match(text, /Live/);
      await until('a frame rate', async () => /\d+ fps/.test(await page.locator(tile(id)).first().innerText()));
    }
    await screenshot(page, 'grid');
    assertNoComplaints(page);
    await page.context().close();
  });

  test('one camera alone keeps its aspect and moves', async () => {
    const page = await openPage(browser, running.url, { hash: '#/camera/cam1' });
    await assertLive(page, 'cam1');
    await assertMoves(page, canvas('cam1'));
    const { width, height } = await box(page, canvas('cam1'));
    const { w, h } = await page.evaluate((selector) => ({ w: Number(document.querySelector(selector).dataset.width), h: Number(document.querySelector(selector).dataset.height) }), canvas('cam1'));
    assert.ok(Math.abs(width / height - w / h) < 0.01, `${width} x ${height} for ${w} x ${h}`);
    await screenshot(page, 'camera');
    assertNoComplaints(page);
    await page.context().close();
  });

  test('nothing shifts while the page loads', async () => {
    const page = await openPage(browser, running.url, {
      init: () => {
        window.shifted = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value))).observe({ type: 'layout-shift', buffered: true });
      },
    });
    await assertLive(page, 'cam0');
    assert.ok((await page.evaluate(() => window.shifted)) < 0.01);
    await page.context().close();
  });

  for (const [name, init] of [
    ['without OffscreenCanvas', () => delete HTMLCanvasElement.prototype.transferControlToOffscreen],
    ['without workers', () => delete window.Worker],
  ]) {
    test(`pictures move ${name}`, async () => {
      const page = await openPage(browser, running.url, { init });
      for (const id of ['cam0', 'cam1']) await assertMoves(page, canvas(id));
      assertNoComplaints(page);
      await page.context().close();
    });
  }

  test('a hidden page ends its streams and goes on when it is seen again', async () => {
    const page = await openPage(browser, running.url);
    await assertLive(page, 'cam0');
    const hide = (hidden) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    const stopped = async () => {
      const first = await page.evaluate((selector) => document.querySelector(selector).dataset.shown, canvas('cam0'));
      await page.waitForTimeout(700);
      return first === (await page.evaluate((selector) => document.querySelector(selector).dataset.shown, canvas('cam0')));
    };
    await hide(true);
    await until('no pictures', stopped);
    if (running.server.streams) await until('no stream at the server', () => running.server.streams.size === 0);
    await hide(false);
    await assertLive(page, 'cam0');
    await assertMoves(page, canvas('cam0'));
    await page.context().close();
  });

  test('the server goes and comes back: the page says so, and goes on by itself', async () => {
    const page = await openPage(browser, running.url);
    await assertLive(page, 'cam0');
    await running.server.stop();
    const banner = page.locator('[data-banner="lost"]');
    await banner.waitFor();
    // In the last half second before a try it says so instead; the tile's own connection may end later than the page's.
    await until('what is the matter', async () => /connection to the server is lost.*Trying again/is.test(await banner.innerText()));
    await until('the tile says it, too', async () => /Reconnecting/.test(await page.locator(tile('cam0')).first().innerText()));
    await screenshot(page, 'server_lost');
    await running.server.start();
    await banner.waitFor({ state: 'detached' });
    for (const id of ['cam0', 'cam1']) await assertLive(page, id);
    await page.context().close();
  });
});
