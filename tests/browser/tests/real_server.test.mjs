// What only the real server can show: a worker killed or hung and back, a camera that cannot start, one missing, how the
// page is served, and clients from another origin. Skipped without CAMWEAVE_BIN.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertMoves, assertNoComplaints, canvas, shown, tile } from '../lib/look.mjs';
import { RealServer, without_binary } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

const moving = ['pattern:bars?size=640x480&fps=30', 'pattern:clock?size=640x480&fps=30'];

describe('the real server', { skip: without_binary || without_chromium }, () => {
  let browser;

  before(async () => {
    browser = await startChromium();
  });

  after(() => browser?.close());

  async function scene(options, act, page_options = {}) {
    const server = await new RealServer(options).start();
    const page = await openPage(browser, server.url, page_options);
    try {
      await act(page, server);
      assertNoComplaints(page);
    } finally {
      await page.context().close();
      await server.remove();
    }
  }

  const cameras = async (server) => (await (await fetch(`${server.url}/api/v1/cameras`)).json()).cameras;

  test('a worker killed comes back by itself; the other camera goes on', () =>
    scene({ sources: moving }, async (page, server) => {
      await assertLive(page, 'cam0');
      await assertLive(page, 'cam1');
      const workers = server.workers();
      assert.equal(workers.length, 2);
      process.kill(workers[0], 'SIGKILL');
      const hit = await until('a restart is counted', async () => (await cameras(server)).find((camera) => camera.restarts > 0)?.id);
      const other = hit === 'cam0' ? 'cam1' : 'cam0';
      const seen = await shown(page, other);
      await until('the other goes on', async () => (await shown(page, other)) > seen);
      await assertLive(page, hit);
      await assertMoves(page, canvas(hit));
      assert.equal(await page.locator('[data-banner="lost"]').count(), 0);
    }));

  test('a worker that hangs: the tile says so, and is live again by itself', () =>
    scene({ sources: moving }, async (page, server) => {
      await assertLive(page, 'cam0');
      await assertLive(page, 'cam1');
      // Noted by the page itself: the state may be shorter than a look at it from here takes.
      await page.evaluate(() => {
        const look = () => (window.said ||= [...document.querySelectorAll('[data-camera]')].some((known) => known.dataset.state !== 'state.streaming' || known.innerText.includes(' ago')));
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['data-state'] });
      });
      process.kill(server.workers()[0], 'SIGSTOP');
      await until('a tile is not live', () => page.evaluate(() => window.said === true));
      await screenshot(page, 'worker_hung');
      await until('the worker is another', async () => (await cameras(server)).some((camera) => camera.restarts > 0));
      await assertLive(page, 'cam0');
      await assertLive(page, 'cam1');
    }));

  test('a camera that cannot start: its error, and the others run', () =>
    scene({ sources: ['file:/nowhere/clip.mp4', moving[0]] }, async (page) => {
      await assertLive(page, 'cam1');
      // At one look: between two of them the server tries again.
      const said = [/Not working|Not connected/, /clip\.mp4/, /Check its source in the configuration|goes on trying/];
      await until('the error is said, and what to do', async () => {
        const text = await page.locator(tile('cam0')).innerText();
        return said.every((words) => words.test(text));
      });
      await screenshot(page, 'camera_failed');
    }));

  test('two-up with one camera: which is missing, and how to check', () =>
    scene({ sources: moving.slice(0, 1) }, async (page) => {
      await assertLive(page, 'cam0');
      await page.getByText('Camera 2 is missing').waitFor();
      await page.getByText('camweave cameras').waitFor();
    }, { hash: '#/two-up' }));

  test('the page: no inline script allowed, hashed files immutable, compressed, answered by ETag', () =>
    scene({ sources: moving }, async (_page, server) => {
      const index = await fetch(`${server.url}/`);
      const csp = index.headers.get('content-security-policy') ?? '';
      assert.match(csp, /default-src 'self'/);
      assert.doesNotMatch(csp, /unsafe-inline|unsafe-eval/);
      const asset = (await index.text()).match(/\/assets\/[^"]+\.js/)[0];
      const script = await fetch(`${server.url}${asset}`, { headers: { 'Accept-Encoding': 'gzip' } });
      assert.match(script.headers.get('cache-control') ?? '', /immutable/);
      assert.ok(script.headers.get('content-encoding'));
      const etag = index.headers.get('etag');
      assert.ok(etag);
      assert.equal((await fetch(`${server.url}/`, { headers: { 'If-None-Match': etag } })).status, 304);
    }));

  test('a page from an origin in allowed_origins reads settings and pictures; one from elsewhere does not', async () => {
    const foreign = createServer((_request, response) => response.setHeader('Content-Type', 'text/html').end('<title>app</title>'));
    await new Promise((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    const { port } = foreign.address();
    const ask = (page, server) =>
      page.evaluate(async (url) => {
        const config = await fetch(`${url}/config`).then((answer) => answer.json(), () => null);
        const bytes = await new Promise((resolve) => {
          const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/stream/0`);
          socket.onmessage = (event) => resolve(event.data.size);
          socket.onerror = () => resolve(0);
        });
        return { gap: config?.gap, bytes };
      }, server.url);
    try {
      await scene({ sources: moving, allowed_origins: [`http://127.0.0.1:${port}`] }, async (page, server) => {
        await page.goto(`http://127.0.0.1:${port}/`);
        const { gap, bytes } = await ask(page, server);
        assert.equal(gap, 76);
        assert.ok(bytes > 1000);
        await page.goto(`http://localhost:${port}/`);
        assert.deepEqual(await ask(page, server), { gap: undefined, bytes: 0 });
        page.complaints.length = 0; // The browser reports the refusals.
      });
    } finally {
      foreign.close();
    }
  });
});
