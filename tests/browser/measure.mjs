// Prints what the page holds with four cameras of 1080p at 30 pictures a second: shown per camera and second, and the
// processor time that the browser took. `node measure.mjs [SECONDS]`
import { readFileSync, readdirSync } from 'node:fs';
import { openPage, startChromium } from './lib/browsers.mjs';
import { assertLive } from './lib/look.mjs';
import { MockServer } from './mock/server.mjs';

const seconds = Number(process.argv[2] ?? 10);

const children = () => {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(pid, { parent: fields[1], ticks: Number(fields[11]) + Number(fields[12]) });
    } catch {
      // It ended meanwhile.
    }
  }
  const mine = (pid) => pid !== undefined && pid !== '0' && (pid === String(process.pid) || mine(parents.get(pid)?.parent));
  return [...parents].filter(([pid]) => pid !== String(process.pid) && mine(pid)).reduce((sum, [, { ticks }]) => sum + ticks, 0) / 100;
};

const server = await new MockServer({ cameras: 4, width: 1920, height: 1080, fps: 30 }).start();
const screen = { width: 1920, height: 1080 };
for (const [name, refuse, viewport] of [
  ['1920x1080 window, pictures in the size shown', false, screen],
  ['1920x1080 window, full-size pictures', true, screen],
  ['3840x2160 window, full-size pictures', false, { width: 3840, height: 2160 }],
]) {
  server.refuseSizes = refuse;
  const browser = await startChromium();
  const page = await openPage(browser, server.url, { viewport });
  for (let n = 0; n < 4; n += 1) await assertLive(page, `cam${n}`);
  if (refuse) await page.waitForFunction(() => [...document.querySelectorAll('canvas')].every((canvas) => canvas.dataset.width === '1920'));
  const shown = () => page.evaluate(() => [...document.querySelectorAll('canvas')].map((canvas) => Number(canvas.dataset.shown)));
  const [first, cpu, sent, at] = [await shown(), children(), [...server.sent.values()], performance.now()];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const span_s = (performance.now() - at) / 1000;
  const rates = (await shown()).map((count, n) => ((count - first[n]) / span_s).toFixed(1));
  const offered = [...server.sent.values()].map((count, n) => ((count - sent[n]) / span_s).toFixed(1));
  console.log(`${name}: shown ${rates.join(', ')} per second of ${offered.join(', ')} sent; browser ${((children() - cpu) / span_s * 100).toFixed(0)} % of a core`);
  await browser.close();
}
await server.stop();
