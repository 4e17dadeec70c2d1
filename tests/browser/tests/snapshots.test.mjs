// Snapshots: of one camera, of all; saved as files and kept in the tray.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertNoComplaints } from '../lib/look.mjs';
import { binary, startServer } from '../lib/server.mjs';

const is_jpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9;

describe('snapshots', { skip: without_chromium }, () => {
  let browser;
  let running;
  let page;

  before(async () => {
    running = await startServer();
    browser = await startChromium();
    page = await openPage(browser, running.url);
    await assertLive(page, 'cam0');
    await assertLive(page, 'cam1');
  });

  after(async () => {
    assertNoComplaints(page);
    await browser?.close();
    await running?.finish();
  });

  async function saved(act) {
    const [download] = await Promise.all([page.waitForEvent('download'), act()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  }

  test('one, by its button: a JPEG named after camera and time, and its picture in the tray', async () => {
    const { name, bytes } = await saved(() => page.getByRole('button', { name: 'Snapshot of cam1' }).click());
    assert.match(name, /^cam1_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_1\.jpg$/);
    assert.ok(is_jpeg(bytes));
    await page.locator('[data-tray] img').first().waitFor();
    assert.match(await page.locator('[data-tray]').innerText(), /1 picture saved/);
  });

  test('all, by key: a ZIP with a JPEG of each', async () => {
    const { name, bytes } = await saved(() => page.keyboard.press('Shift+S'));
    assert.match(name, /^camweave_.*\.zip$/);
    const text = bytes.toString('latin1');
    for (const id of ['cam0', 'cam1']) assert.match(text, new RegExp(`${id}_[\\d-]+_[\\d-]+_\\d\\.jpg`));
    assert.match(await page.locator('[data-tray]').innerText(), /3 pictures saved/);
    await screenshot(page, 'snapshots');
  });

  test('the full-resolution still of the camera that is shown alone', async () => {
    await page.goto(`${running.url}/#/camera/cam0`);
    await assertLive(page, 'cam0');
    const asked = page.waitForRequest(/snapshot\.jpg\?full=1/);
    const { bytes } = await saved(() => page.getByRole('button', { name: 'Full-resolution still' }).click());
    await asked;
    assert.ok(is_jpeg(bytes));
  });

  test('from the tray again; the tray is cleared', async () => {
    const { name } = await saved(() => page.locator('[data-tray] a').first().click());
    assert.match(name, /^cam0_.*\.jpg$/);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.waitForSelector('[data-tray]', { state: 'detached' });
  });

  test('a camera that is away: said, the other one is saved', { skip: binary ? 'done by the mock server' : false }, async () => {
    await page.goto(`${running.url}/#/`);
    running.server.setState('cam1', 'away');
    const { name } = await saved(() => page.getByRole('button', { name: 'Snapshot of all' }).click());
    assert.match(name, /^cam0_.*\.jpg$/);
    await page.getByText('No snapshot of cam1: cam1 is away').waitFor();
  });
});
