import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameStream } from '../src/stream/frame_stream';
import { Reporter } from '../src/stream/reporter';

// A stream with that many pictures a second, reported on twice a second for that long; the rates said.
function rates(fps: number, seconds: number): number[] {
  const stream = { counts: { shown: 0, skipped: 0, damaged: 0 }, lastShownAt: 0 };
  const reporter = new Reporter(stream as unknown as FrameStream);
  return Array.from({ length: seconds * 2 }, (_, at) => {
    stream.counts.shown = Math.floor((at / 2) * fps);
    return reporter.next(at * 500).fps;
  });
}

for (const fps of [1, 5, 30, 400]) {
  test(`${fps} pictures a second read steadily so`, () => {
    for (const rate of rates(fps, 20).slice(12)) assert.ok(Math.abs(rate - fps) <= Math.max(0.21, fps * 0.07), `${rate}`);
  });
}

test('a rate that falls is seen within two seconds', () => {
  const stream = { counts: { shown: 0, skipped: 0, damaged: 0 }, lastShownAt: 0 };
  const reporter = new Reporter(stream as unknown as FrameStream);
  let fps = 0;
  for (let at = 0; at <= 24; at += 1) {
    // 30 a second for 10 s, then 10.
    stream.counts.shown = at <= 20 ? at * 15 : 300 + (at - 20) * 5;
    fps = reporter.next(at * 500).fps;
  }
  assert.ok(Math.abs(fps - 10) < 1, `${fps}`);
});

test('the wait for the first picture is no part of the rate', () => {
  const stream = { counts: { shown: 0, skipped: 0, damaged: 0 }, lastShownAt: 0 };
  const reporter = new Reporter(stream as unknown as FrameStream);
  const said: number[] = [];
  for (let at = 0; at <= 16; at += 1) {
    // Nothing for 3 s, then 10 a second.
    stream.counts.shown = Math.max(0, (at - 6) * 5);
    said.push(reporter.next(at * 500).fps);
  }
  assert.ok(said.every((fps) => fps === 0 || Math.abs(fps - 10) < 0.1), said.join());
  assert.ok(said.at(-1));
});
