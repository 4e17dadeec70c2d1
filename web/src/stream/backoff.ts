// Waiting times between tries: 0.5 s doubling to 10 s, each with jitter so that many pages don't come back at once.
const first_ms = 500;
const limit_ms = 10_000;

export class Backoff {
  #step = 0;

  constructor(private readonly random: () => number = Math.random) {}

  // The time to wait before the next try, in ms.
  next(): number {
    const base_ms = Math.min(limit_ms, first_ms * 2 ** this.#step);
    this.#step += 1;
    return Math.round(base_ms * (0.8 + 0.4 * this.random()));
  }

  reset(): void {
    this.#step = 0;
  }
}
