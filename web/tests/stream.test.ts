// The newest-only rule, reconnecting and the back-off, with a WebSocket that the tests move by hand.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Backoff } from '../src/stream/backoff';
import { FrameStream, type StreamStatus } from '../src/stream/frame_stream';

class HandSocket {
  static made: HandSocket[] = [];
  binaryType = '';
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    HandSocket.made.push(this);
  }

  close(): void {
    this.closed = true;
  }

  send(byte: number): void {
    this.onmessage?.({ data: new Uint8Array([byte]).buffer });
  }
}

const last = () => HandSocket.made.at(-1) as HandSocket;
const settle = () => new Promise((resolve) => setImmediate(resolve));
// Reading a Blob takes several turns of the loop.
const until = async (check: () => boolean) => {
  for (let turn = 0; turn < 1000 && !check(); turn += 1) await settle();
  assert.ok(check());
};

let statuses: StreamStatus[] = [];
let shown: number[] = [];
let release: (() => void)[] = [];

function stream(): FrameStream {
  return new FrameStream('ws://server/a', {
    status: (status) => statuses.push(status),
    show: async (jpeg) => {
      const [byte] = new Uint8Array(await jpeg.arrayBuffer());
      if (byte === 255) throw new Error('damaged');
      shown.push(byte);
      await new Promise<void>((resolve) => release.push(resolve));
    },
  });
}

beforeEach(() => {
  HandSocket.made = [];
  statuses = [];
  shown = [];
  release = [];
  (globalThis as { WebSocket: unknown }).WebSocket = HandSocket;
});

afterEach(() => mock.restoreAll());

test('one picture at a time, and then the newest only', async () => {
  const frames = stream();
  frames.open();
  last().onopen?.();
  for (const byte of [1, 2, 3, 4]) last().send(byte);
  await until(() => shown.length === 1);
  assert.deepEqual(shown, [1]);
  release.shift()?.();
  await until(() => shown.length === 2);
  assert.deepEqual(shown, [1, 4]);
  assert.equal(frames.counts.skipped, 2);
  frames.close();
});

test('a damaged picture is counted and the stream goes on', async () => {
  const frames = stream();
  frames.open();
  last().send(255);
  await until(() => frames.counts.damaged === 1);
  last().send(7);
  await until(() => shown.length === 1);
  assert.deepEqual(shown, [7]);
  frames.close();
});

test('a lost connection is opened again after the time that was announced; closing ends that', async () => {
  const waits: { call: () => void; ms: number }[] = [];
  mock.method(globalThis, 'setTimeout', (call: () => void, ms: number) => waits.push({ call, ms }));
  const frames = stream();
  frames.open();
  last().onclose?.();
  const status = statuses.at(-1);
  assert.ok(status?.name === 'waiting' && status.retryAt > Date.now());
  assert.ok(waits[0].ms >= 400 && waits[0].ms <= 600);
  waits[0].call();
  assert.equal(HandSocket.made.length, 2);
  last().onclose?.();
  assert.ok(waits[1].ms >= 800 && waits[1].ms <= 1200);
  frames.close();
  assert.equal(statuses.at(-1)?.name, 'closed');
});

test('a redirect closes the old connection and opens the new address', () => {
  const frames = stream();
  frames.open();
  frames.redirect('ws://server/b');
  assert.ok(HandSocket.made[0].closed);
  assert.equal(last().url, 'ws://server/b');
  frames.close();
  frames.redirect('ws://server/c');
  assert.equal(HandSocket.made.length, 2, 'a closed stream stays closed');
});

test('back-off doubles to ten seconds and starts over after success', () => {
  const backoff = new Backoff(() => 0.5);
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(() => backoff.next()), [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  backoff.reset();
  assert.equal(backoff.next(), 500);
});
