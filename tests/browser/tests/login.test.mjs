// A server with an API key: the page asks for it, shows pictures after it was given, and lets the user out again.
// Skipped without CAMWEAVE_BIN.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertLive, assertMoves, assertNoComplaints, canvas } from '../lib/look.mjs';
import { RealServer, without_binary } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

const api_key = 'correct horse battery staple';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('a server with an API key', { skip: without_binary || without_chromium }, () => {
  let browser;
  let server;

  before(async () => {
    server = await new RealServer({ api_key }).start();
    browser = await startChromium();
  });

  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  async function scene(act, options = {}) {
    const page = await openPage(browser, server.url, options);
    try {
      await act(page);
      assertNoComplaints(page);
    } finally {
      await page.context().close();
    }
  }

  async function logIn(page, key = api_key) {
    await page.locator('#key').fill(key);
    await page.keyboard.press('Enter');
  }

  test('the page asks for the key, says when it is wrong, and shows moving pictures after it', () =>
    scene(async (page) => {
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), 'key');
      assert.equal(await page.locator('[data-banner="lost"]').count(), 0);
      await screenshot(page, 'login');
      await logIn(page, 'wrong');
      await page.getByText('This is not the API key.').waitFor();
      await screenshot(page, 'login_wrong');
      await logIn(page);
      for (const id of ['cam0', 'cam1']) {
        await assertLive(page, id);
        await assertMoves(page, canvas(id));
      }
      assert.equal(await page.evaluate(() => document.cookie), '', 'no script sees the session');
      assert.ok(!JSON.stringify(await page.evaluate(() => ({ ...localStorage, ...sessionStorage }))).includes(api_key));
    }));

  test('the session outlives a reload; after logging out the key is asked for again', () =>
    scene(async (page) => {
      await logIn(page);
      await assertLive(page, 'cam0');
      await page.reload();
      await assertLive(page, 'cam0');
      await page.getByRole('button', { name: 'Language and appearance' }).click();
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      assert.equal(await page.locator('canvas').count(), 0);
      await page.reload();
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
    }));

  test('a server that forgot the session asks for the key again', () =>
    scene(async (page) => {
      await logIn(page);
      await assertLive(page, 'cam0');
      await server.stop();
      await server.start();
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      await logIn(page);
      await assertLive(page, 'cam0');
    }));

  test('a refusal from before the key was given, and late, does not lock the page again', () => {
    const asked = [];
    const prepare = (page) =>
      page.route('**/api/v1/server', async (route) => {
        const answer = await route.fetch();
        let letGo;
        asked.push({ letGo: () => letGo(), held: new Promise((resolve) => (letGo = resolve)) });
        if (asked.length <= 2) await asked.at(-1).held;
        await route.fulfill({ response: answer });
      });
    return scene(async (page) => {
      await until('the page has asked twice', () => asked.length >= 2);
      asked[1].letGo();
      await logIn(page);
      await assertLive(page, 'cam0');
      const late = page.waitForResponse('**/api/v1/server');
      asked[0].letGo();
      await (await late).finished();
      await assertLive(page, 'cam0');
      await assertMoves(page, canvas('cam0'));
      assert.equal(await page.getByRole('heading', { name: 'Log in' }).count(), 0);
      await page.unrouteAll({ behavior: 'wait' });
    }, { prepare });
  });

  for (const [locale, title, wrong] of [['ko-KR', '로그인', 'API 키가 아닙니다.'], ['fr-FR', 'Connexion', 'Ce n’est pas la clé d’API.']]) {
    test(`in ${locale}, on a phone, in the dark`, () =>
      scene(async (page) => {
        await page.getByRole('heading', { name: title }).waitFor();
        await logIn(page, 'wrong');
        await page.getByText(wrong).waitFor();
        await screenshot(page, `login_phone_${locale}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.equal(wide, false, 'nothing to scroll sideways');
      }, { locale, viewport: { width: 360, height: 640 }, colorScheme: 'dark' }));
  }

  test('axe-core finds nothing serious', () =>
    scene(async (page) => {
      await page.locator('#key').waitFor();
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0].html]), []);
    }));

  test('another origin on the same machine cannot use the session', () =>
    scene(async (page) => {
      await logIn(page);
      await assertLive(page, 'cam0');
      const other = await new RealServer({ api_key: 'another' }).start();
      try {
        const tab = await page.context().newPage();
        await tab.goto(other.url);
        const outcome = await tab.evaluate(async (url) => {
          const answer = await fetch(`${url}/api/v1/cameras`, { credentials: 'include' }).then((a) => a.status, () => 'refused');
          const change = await fetch(`${url}/api/v1/logout`, { method: 'POST', credentials: 'include', mode: 'no-cors' }).then((a) => a.type, () => 'refused');
          const socket = await new Promise((resolve) => {
            const ws = new WebSocket(`${url.replace('http', 'ws')}/api/v1/cameras/cam0/jpeg`);
            ws.onopen = () => resolve('open');
            ws.onerror = () => resolve('refused');
          });
          return { answer, change, socket };
        }, server.url);
        assert.equal(outcome.answer, 'refused');
        assert.equal(outcome.socket, 'refused');
        await until('the session still holds', async () => (await page.evaluate(() => fetch('/api/v1/login').then((a) => a.json()))).logged_in);
      } finally {
        await other.remove();
      }
    }));
});
