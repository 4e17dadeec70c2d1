// Cameras that come, go and fail, on the mock server: what each tile says and what it advises; added and removed without
// a reload; renditions refused; no growth over many pictures.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertMoves, assertNoComplaints, canvas, shown, tile } from '../lib/look.mjs';
import { MockServer } from '../mock/server.mjs';
import { until } from '../lib/until.mjs';

describe('cameras', { skip: without_chromium }, () => {
  let browser;

  before(async () => {
    browser = await startChromium();
  });

  after(() => browser?.close());

  async function scene(options, act, page_options = {}) {
    const server = await new MockServer(options).start();
    const page = await openPage(browser, server.url, page_options);
    try {
      await act(page, server);
      assertNoComplaints(page);
    } finally {
      await page.context().close();
      await server.stop();
    }
  }

  const text = (page, id) => page.locator(tile(id)).first().innerText();

  const states = [
    ['starting', {}, [/Starting/, /getting ready/]],
    ['stalled', {}, [/No new pictures/, /restarting/]],
    ['failed', { last_error: '/dev/video4: permission denied', next_retry_s: 8 }, [/Not working/, /permission denied/, /Next try in [5-8] sec/]],
    ['away', { last_error: '/dev/video2: no such device', next_retry_s: 8 }, [/Not connected/, /cable/, /camweave cameras/, /Next try/]],
    ['disabled', {}, [/Switched off/, /configuration/]],
  ];
  for (const [state, more, expected] of states) {
    test(`${state}: said in words with what to do; live again without a reload`, () =>
      scene({}, async (page, server) => {
        await assertLive(page, 'cam0');
        server.setState('cam1', state, more);
        for (const words of expected) await until(`${words} is said`, async () => words.test(await text(page, 'cam1')));
        if (state !== 'starting' && state !== 'disabled') await until('the age of the old picture', async () => /Picture from \d+ sec ago/.test(await text(page, 'cam1')));
        await screenshot(page, `state_${state}`);
        await assertLive(page, 'cam0');
        server.setState('cam1', 'streaming');
        await assertLive(page, 'cam1');
        await until('nothing else is said', async () => !/Next try|ago/.test(await text(page, 'cam1')));
      }));
  }

  test('a camera added appears, one removed goes; the others go on', () =>
    scene({}, async (page, server) => {
      await assertLive(page, 'cam0');
      server.add('door', { name: 'Front door' });
      await assertLive(page, 'door');
      await assertMoves(page, canvas('door'));
      assert.match(await page.locator('header').first().innerText(), /3 cameras/);
      const before_removal = await shown(page, 'cam0');
      server.remove('cam1');
      await page.waitForSelector('[data-slot="cam1"]', { state: 'detached' });
      await until('cam0 goes on on the same canvas', async () => (await shown(page, 'cam0')) > before_removal);
      assert.match(await page.locator('header').first().innerText(), /2 cameras/);
      assert.match(await page.locator('[role=status]').last().innerText(), /cam1 was removed/);
    }));

  test('no camera at all: said, with the command to run; the first one appears', () =>
    scene({ cameras: 0 }, async (page, server) => {
      await page.getByText('No camera yet').waitFor();
      await page.getByText('camweave cameras').waitFor();
      server.add('cam0');
      await assertLive(page, 'cam0');
    }));

  test('two-up with one camera: which is missing, and how to check', () =>
    scene({ cameras: 1 }, async (page, server) => {
      await assertLive(page, 'cam0');
      await page.getByText('Camera 2 is missing').waitFor();
      await page.getByText('camweave cameras').waitFor();
      await screenshot(page, 'two_up_missing');
      server.add('cam1');
      await assertLive(page, 'cam1');
    }, { hash: '#/two-up' }));

  test('the controls of a camera that opens after the page did', () =>
    scene({}, async (page, server) => {
      server.setState('cam0', 'starting');
      await page.reload();
      await page.getByText('The controls come back with the camera.').waitFor();
      server.setState('cam0', 'streaming');
      await page.waitForSelector('[data-control="auto_exposure"]');
    }, { hash: '#/camera/cam0' }));

  test('a refusal of the controls that comes late does not take them away again', () => {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    let asked = 0;
    const prepare = (page) =>
      page.route('**/controls', async (route) => {
        asked += 1;
        if (asked > 1) return route.fallback();
        await held;
        return route.fulfill({ status: 503, json: { detail: 'cam0 has not been open yet' } });
      });
    return scene({}, async (page, server) => {
      await until('the page has asked', () => asked === 1);
      server.setState('cam0', 'stalled'); // asks again
      await page.waitForSelector('[data-control="auto_exposure"]');
      const late = page.waitForResponse('**/controls');
      letGo();
      await (await late).finished();
      // Seen after it, so it was dealt with.
      server.changeControl('cam0', 'brightness', 7);
      await until('a change is seen', async () => (await page.locator('[data-control="brightness"] input[type=number]').inputValue()) === '7');
      await page.unrouteAll({ behavior: 'wait' });
    }, { hash: '#/camera/cam0', prepare });
  });

  test('a change made before the settings came leaves the others as they were', () =>
    scene({}, async (page, server) => {
      server.config.gap = 12;
      let letGo;
      const held = new Promise((resolve) => (letGo = resolve));
      await page.route('**/config', async (route) => {
        if (route.request().method() === 'GET') await held;
        await route.fallback();
      });
      await page.reload();
      await assertLive(page, 'cam0');
      await page.locator('[data-setting="order"]').click();
      letGo();
      await until('the order is saved', () => server.config.cameras.cam0.order === 2);
      assert.equal(server.config.gap, 12);
      await page.unrouteAll({ behavior: 'wait' });
    }, { hash: '#/two-up' }));

  test('a camera removed while it is shown alone leads back to the grid', () =>
    scene({}, async (page, server) => {
      await assertLive(page, 'cam1');
      server.remove('cam1');
      await until('the grid', async () => page.url().endsWith('#/'));
      await assertLive(page, 'cam0');
    }, { hash: '#/camera/cam1' }));

  test('large pictures are asked for in the size that is shown; refused, the own size is taken', () =>
    scene({ cameras: 4, width: 1920, height: 1080 }, async (page, server) => {
      await assertLive(page, 'cam0');
      const width = () => page.locator(canvas('cam0')).getAttribute('data-width');
      await until('half size', async () => (await width()) === '960');
      server.refuseSizes = true;
      await page.reload();
      await until('own size', async () => (await width()) === '1920');
      await assertMoves(page, canvas('cam0'));
    }, { viewport: { width: 1700, height: 1000 } }));

  test('a server that lets the page not in: its reason is said', () =>
    scene({}, async (page, server) => {
      server.forbidden = 'protected mode: only local addresses are served';
      await page.reload();
      await page.getByText('protected mode: only local addresses are served').waitFor();
      // Long before the page would try by itself.
      await page.getByText(/Trying again in [4-9] sec/).waitFor();
      server.forbidden = null;
      await page.getByRole('button', { name: 'Try now' }).click();
      await assertLive(page, 'cam0');
    }));

  test('twelve cameras: all live, at a reduced rate', () =>
    scene({ cameras: 12, width: 640, height: 480 }, async (page, server) => {
      for (let n = 0; n < 12; n += 1) await assertLive(page, `cam${n}`);
      await until('one stream each', () => server.streams.size === 12);
      await screenshot(page, 'twelve');
    }, { viewport: { width: 1920, height: 1200 } }));

  test('10,000 pictures leave no more behind than 2,000', async () => {
    const server = await new MockServer({ cameras: 2, width: 320, height: 240, fps: 200 }).start();
    const own = await startChromium(['--js-flags=--expose-gc']);
    try {
      const page = await openPage(own, server.url);
      const session = await page.context().newCDPSession(page);
      const total = async () => (await shown(page, 'cam0')) + (await shown(page, 'cam1'));
      const settled = async (count) => {
        await until(`${count} pictures`, async () => (await total()) >= count, 240_000);
        await session.send('HeapProfiler.collectGarbage');
        for (const worker of page.workers()) await worker.evaluate(() => globalThis.gc?.());
        const { usedSize } = await session.send('Runtime.getHeapUsage');
        return { at: await total(), heap_mb: usedSize / 1e6, memory_mb: rendererMemory(own) };
      };
      const early = await settled(2000);
      const late = await settled(10_000);
      console.log(`heap after ${early.at} pictures ${early.heap_mb.toFixed(2)} MB, after ${late.at} ${late.heap_mb.toFixed(2)} MB; all browser processes ${early.memory_mb.toFixed(0)} MB, ${late.memory_mb.toFixed(0)} MB`);
      assert.ok(late.heap_mb - early.heap_mb < 2, JSON.stringify({ early, late }));
      assert.ok(late.memory_mb - early.memory_mb < 60, JSON.stringify({ early, late }));
    } finally {
      await own.close();
      await server.stop();
    }
  });
});

// The proportional memory of this test's own browser: processes below this one.
function rendererMemory() {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      parents.set(pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      // It ended meanwhile.
    }
  }
  const mine = (pid) => pid !== undefined && pid !== '0' && (pid === String(process.pid) || mine(parents.get(pid)));
  let sum_kb = 0;
  for (const pid of parents.keys()) {
    if (pid === String(process.pid) || !mine(pid)) continue;
    try {
      sum_kb += Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)?.[1] ?? 0);
    } catch {
      // As above.
    }
  }
  return sum_kb / 1000;
}
