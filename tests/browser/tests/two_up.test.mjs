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

// That many pictures received by a client of its own: their mean size in bytes, and how many came in a second.
async function received(url, count) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/stream/0`);
  const pictures = [];
  await new Promise((resolve, reject) => {
    socket.on('message', (data) => {
      pictures.push({ size: data.length, at: performance.now() });
      if (pictures.length === count) resolve();
    });
    socket.once('error', reject);
  });
  socket.terminate();
  const seconds = (pictures.at(-1).at - pictures[0].at) / 1000;
  return { mean: pictures.reduce((sum, { size }) => sum + size, 0) / count, fps: (count - 1) / seconds };
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
      await until('after a reload, too', async () => Math.abs((await box(page, picture(1))).left - (await box(page, picture(0))).right - gap) <= 1);
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
    await until('after a reload, too', async () => (await box(page, pane(1))).left < (await box(page, pane(0))).left);
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
      await until('it is said', async () => (await page.locator(canvas('cam1')).getAttribute('data-rotation')) === String(rotation));
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
    const before_change = await received(running.url, 10);
    await setNumber('quality', 10);
    await saved('the quality', (now) => now.stream.quality === 10);
    await until(`smaller pictures than ${before_change.mean} bytes`, async () => (await received(running.url, 10)).mean < before_change.mean * 0.7);
  });

  test('the frame rate', async () => {
    await setNumber('fps', 5);
    await saved('the frame rate', (now) => now.stream.fps === 5);
    await until('5 pictures in a second', async () => Math.abs((await received(running.url, 11)).fps - 5) < 1);
    await until('the page shows 5 fps', async () => /\b[56] fps/.test(await page.locator(`${pane(0)} footer`).innerText()));
  });

  test('a change from elsewhere is seen without a reload', async () => {
    await post({ ...defaults, gap: 10, cameras: { cam0: { order: 2, rotation: 180 }, cam1: { order: 1, rotation: 0 } } });
    await until('it is seen', async () => (await page.locator(canvas('cam0')).getAttribute('data-rotation')) === '180');
    await until('so is the gap', async () => (await page.locator('[data-setting="gap"] input[type=number]').inputValue()) === '10');
    await until('so is the order', async () => (await box(page, pane(1))).left < (await box(page, pane(0))).left);
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
    await assertLive(page, 'cam0');
    await until('320 wide', async () => (await page.locator(canvas('cam0')).getAttribute('data-width')) === '320');
  });
});
