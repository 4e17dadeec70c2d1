// The two-up view and its settings: each changes what is seen and what the stream sends, at once, and survives a reload
// and a restart of the server.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertMoves, assertNoComplaints, box, canvas } from '../lib/look.mjs';
import { startServer } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

const defaults = {
  gap: 76,
  cameras: { cam0: { order: 1, rotation: 0 }, cam1: { order: 2, rotation: 0 } },
  stream: { resolution: [640, 480], quality: 80, fps: 30 },
};

// Pictures received in that time by a client of its own: their number, and their mean size in bytes.
async function received(url, ms) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/stream/0`);
  const sizes = [];
  await new Promise((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('error', reject);
  });
  socket.on('message', (data) => sizes.push(data.length));
  await new Promise((resolve) => setTimeout(resolve, ms));
  socket.terminate();
  return { count: sizes.length, mean: sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length) };
}

describe('two-up view', { skip: without_chromium }, () => {
  let browser;
  let running;
  let page;

  const config = async () => (await fetch(`${running.url}/config`)).json();
  const post = (wanted) => fetch(`${running.url}/config`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(wanted) });
  const pane = (index) => `[data-pane="${index}"]`;
  const picture = (index) => `${pane(index)} .picture`;
  const saved = (what, check) => until(`${what} is saved`, async () => check(await config()));

  async function setNumber(setting, value) {
    const field = page.locator(`[data-setting="${setting}"] input[type=number]`);
    await field.fill(String(value));
    await field.press('Enter');
  }

  const choose = (setting, text) => page.locator(`[data-setting="${setting}"] label`, { hasText: text }).click();

  before(async () => {
    running = await startServer();
    browser = await startChromium();
  });

  beforeEach(async () => {
    await post(defaults);
    await page?.context().close();
    page = await openPage(browser, running.url, { hash: '#/two-up' });
    await assertLive(page, 'cam0');
    await assertLive(page, 'cam1');
  });

  after(async () => {
    await browser?.close();
    await running?.finish();
  });

  test('both pictures move, at the configured size', async () => {
    for (const id of ['cam0', 'cam1']) {
      await assertMoves(page, canvas(id));
      assert.equal(await page.locator(canvas(id)).getAttribute('data-width'), '640');
    }
    await screenshot(page, 'two_up');
    assertNoComplaints(page);
  });

  for (const gap of [0, 40, -60]) {
    test(`a gap of ${gap} px`, async () => {
      await setNumber('gap', gap);
      await saved('the gap', (now) => now.gap === gap);
      await until('the gap is seen', async () => Math.abs((await box(page, picture(1))).left - (await box(page, picture(0))).right - gap) <= 1);
      await page.reload();
      await assertLive(page, 'cam1');
      assert.ok(Math.abs((await box(page, picture(1))).left - (await box(page, picture(0))).right - gap) <= 1);
      if (gap < 0) await screenshot(page, 'two_up_overlap');
    });
  }

  test('the gap slider moves the pictures while it is dragged', async () => {
    const slider = page.locator('[data-setting="gap"] input[type=range]');
    await slider.focus();
    await page.keyboard.press('Home');
    await saved('the gap', (now) => now.gap === -100);
    await until('the overlap is seen', async () => Math.abs((await box(page, picture(1))).left - (await box(page, picture(0))).right + 100) <= 1);
  });

  test('the order', async () => {
    await page.locator('[data-setting="order"]').click();
    await saved('the order', (now) => now.cameras.cam0.order === 2 && now.cameras.cam1.order === 1);
    await until('cam1 is left', async () => (await box(page, pane(1))).left < (await box(page, pane(0))).left);
    await assertLive(page, 'cam0');
    await page.reload();
    await assertLive(page, 'cam0');
    assert.ok((await box(page, pane(1))).left < (await box(page, pane(0))).left);
  });

  test('a picture dragged onto the other changes places with it', async () => {
    const grip = await page.locator(`${pane(0)} .grip`).boundingBox();
    const other = await page.locator(picture(1)).boundingBox();
    await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
    await page.mouse.down();
    await page.mouse.move(other.x + other.width / 2, other.y + other.height / 2, { steps: 6 });
    await page.mouse.up();
    await saved('the order', (now) => now.cameras.cam0.order === 2);
  });

  for (const rotation of [90, 180, 270]) {
    test(`a rotation of ${rotation}°`, async () => {
      await choose('rotation-cam1', `${rotation}°`);
      await saved('the rotation', (now) => now.cameras.cam1.rotation === rotation);
      await until('the rotation is seen', async () => {
        const { width, height } = await box(page, canvas('cam1'));
        return rotation === 180 ? width > height : height > width;
      });
      assert.equal(await page.locator(canvas('cam1')).getAttribute('data-rotation'), String(rotation));
      assert.equal(await page.locator(canvas('cam1')).getAttribute('data-width'), '640', 'the stream is not turned');
      await assertMoves(page, canvas('cam1'));
      if (rotation === 90) await screenshot(page, 'two_up_turned');
    });
  }

  for (const [width, height] of [[320, 240], [820, 616]]) {
    test(`a resolution of ${width} × ${height}`, async () => {
      await choose('resolution', `${width} × ${height}`);
      await saved('the resolution', (now) => now.stream.resolution.join() === `${width},${height}`);
      for (const id of ['cam0', 'cam1']) {
        await until(`${id} sends ${width} x ${height}`, async () =>
          (await page.locator(canvas(id)).getAttribute('data-width')) === String(width) && (await page.locator(canvas(id)).getAttribute('data-height')) === String(height));
      }
      await page.reload();
      await until('after a reload, too', async () => (await page.locator(canvas('cam0')).getAttribute('data-width')) === String(width));
    });
  }

  test('the quality', async () => {
    const before_change = await received(running.url, 600);
    await setNumber('quality', 10);
    await saved('the quality', (now) => now.stream.quality === 10);
    const after_change = await received(running.url, 600);
    assert.ok(after_change.mean < before_change.mean * 0.7, `${after_change.mean} bytes after ${before_change.mean}`);
  });

  test('the frame rate', async () => {
    await setNumber('fps', 5);
    await saved('the frame rate', (now) => now.stream.fps === 5);
    const { count } = await received(running.url, 2000);
    assert.ok(count >= 7 && count <= 12, `${count} pictures in 2 s`);
    await until('the page shows 5 fps', async () => /\b[56] fps/.test(await page.locator(`${pane(0)} footer`).innerText()), 8000);
  });

  test('a change from elsewhere is seen without a reload', async () => {
    await post({ ...defaults, gap: 10, cameras: { cam0: { order: 2, rotation: 180 }, cam1: { order: 1, rotation: 0 } } });
    await until('it is seen', async () => (await page.locator(canvas('cam0')).getAttribute('data-rotation')) === '180');
    assert.equal(await page.locator('[data-setting="gap"] input[type=number]').inputValue(), '10');
    assert.ok((await box(page, pane(1))).left < (await box(page, pane(0))).left);
  });

  test('the settings survive a restart of the server', async () => {
    await setNumber('gap', -20);
    await choose('rotation-cam0', '270°');
    await choose('resolution', '320 × 240');
    await saved('all', (now) => now.gap === -20 && now.cameras.cam0.rotation === 270 && now.stream.resolution[0] === 320);
    await running.restart();
    const now = await config();
    assert.equal(now.gap, -20);
    assert.equal(now.cameras.cam0.rotation, 270);
    await assertLive(page, 'cam0', 25_000);
    await until('320 wide', async () => (await page.locator(canvas('cam0')).getAttribute('data-width')) === '320');
  });
});
