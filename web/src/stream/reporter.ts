// Turns a stream's counts into the twice-a-second report that the page shows.
import type { FrameStream } from './frame_stream';
import type { StreamReport } from './protocol';

export const report_interval_ms = 500;
// The rate is taken over the shorter time, over up to the longer one while that holds few pictures.
const short_ms = 1_400;
const long_ms = 5_000;
const few = 15;
// Before that there is no rate to say.
const least_s = 0.9;

export class Reporter {
  #history: { at: number; shown: number }[] = [];
  // Pictures shown when the stream was opened.
  #before = 0;

  constructor(private readonly stream: FrameStream) {}

  next(now: number = performance.now()): StreamReport {
    const { shown } = this.stream.counts;
    // The wait for the first picture is no part of the rate.
    if (shown === this.#before) this.#history = [];
    this.#history.push({ at: now, shown });
    while (this.#history.length > 2 && now - this.#history[1].at >= long_ms) this.#history.shift();
    const recent = this.#history.filter((entry) => now - entry.at >= short_ms && shown - entry.shown >= few);
    const first = recent.at(-1) ?? this.#history[0];
    const span_s = (now - first.at) / 1000;
    const fps = span_s >= least_s ? (shown - first.shown) / span_s : 0;
    return { ...this.stream.counts, fps, lastShownAt: this.stream.lastShownAt };
  }

  restart(): void {
    this.#history = [];
    this.#before = this.stream.counts.shown;
  }
}
