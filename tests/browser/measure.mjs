// Prints what the page holds with four cameras of 1080p at 30 pictures a second: shown per camera and second, the processor
// time that the browser took, all its processes together, and what one picture costs of it; and the decoding alone.
// `node measure.mjs [SECONDS]`. Without a GPU, as here, scaling and compositing are the processor's work, too: a picture drawn
// costs several times what it does on a laptop, and the rate that a laptop holds can't be read from it.
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
  const used_s = children() - cpu;
  const counts = (await shown()).map((count, n) => count - first[n]);
  const rates = counts.map((count) => (count / span_s).toFixed(1));
  const offered = [...server.sent.values()].map((count, n) => ((count - sent[n]) / span_s).toFixed(1));
  console.log(`${name}: shown ${rates.join(', ')} per second of ${offered.join(', ')} sent; browser ${(used_s / span_s * 100).toFixed(0)} % of a core, ${((used_s * 1000) / counts.reduce((sum, count) => sum + count)).toFixed(1)} ms per picture shown`);
  await browser.close();
}

// Decoding alone, in processor time: what is left of the above is receiving, painting and compositing.
const browser = await startChromium();
const page = await openPage(browser, server.url);
await assertLive(page, 'cam0');
for (const [name, options] of [
  ['1920x1080', {}],
  ['1920x1080 scaled to 960x540 by the decoder', { resizeWidth: 960, resizeHeight: 540, resizeQuality: 'low' }],
]) {
  await page.goto(`${server.url}/api/v1/cameras/cam0/snapshot.jpg`);
  const decode = (count) =>
    page.evaluate(async ([options_, count_]) => {
      const jpeg = await (await fetch(location.href)).blob();
      for (let n = 0; n < count_; n += 1) (await createImageBitmap(jpeg, options_)).close();
    }, [options, count]);
  await decode(10);
  const before = children();
  await decode(100);
  console.log(`decoding ${name}: ${((children() - before) * 10).toFixed(1)} ms per picture`);
}
await browser.close();
await server.stop();
