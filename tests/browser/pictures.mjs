// Takes the pictures for README and guides from a running server: `CAMWEAVE_URL=http://127.0.0.1:8000 node pictures.mjs
// FOLDER`. The server should show real footage, as `file:/usr/share/doc/opencv-doc/examples/data/vtest.avi?loop=1`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openPage, startChromium } from './lib/browsers.mjs';
import { assertLive } from './lib/look.mjs';

const url = process.env.CAMWEAVE_URL ?? 'http://127.0.0.1:8000';
const folder = process.argv[2];
if (!folder) {
  console.error('usage: node pictures.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const pictures = [
  ['page_grid', '', {}],
  ['page_grid_dark', '', { colorScheme: 'dark' }],
  ['page_two_up', '#/two-up', {}],
  ['page_camera', '', { alone: true }],
  ['page_phone', '', phone],
  ['page_two_up_ko', '#/two-up', { locale: 'ko-KR' }],
];

const cameras = (await (await fetch(`${url}/api/v1/cameras`)).json()).cameras.map(({ id }) => id);
const browser = await startChromium();
for (const [name, hash, { alone = false, ...options }] of pictures) {
  const page = await openPage(browser, url, { ...options, hash: alone ? `#/camera/${cameras[0]}` : hash });
  await assertLive(page, cameras[0]);
  // The frame rate is there after two reports.
  await page.waitForFunction(() => /\d+ (fps|i\/s)/.test(document.querySelector('main').innerText));
  await page.screenshot({ path: join(folder, `${name}.jpg`), type: 'jpeg', quality: 85 });
  await page.context().close();
  console.log(join(folder, `${name}.jpg`));
}
await browser.close();
