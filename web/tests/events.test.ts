import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { EventFeed, type EventHandlers } from '../src/api/events';

// What a browser has and Node has not.
class FakeSource {
  static made = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor() {
    FakeSource.made += 1;
  }

  addEventListener(): void {}
  close(): void {}
}
Object.assign(globalThis, { window: globalThis, EventSource: FakeSource });

let lost = 0;
const nothing = () => undefined;
const handlers: EventHandlers = {
  camera: nothing, cameraRemoved: nothing, health: nothing, controls: nothing, config: nothing, opened: nothing,
  lost: () => (lost += 1),
};

beforeEach(() => {
  FakeSource.made = 0;
  lost = 0;
});

test('a feed that was closed stays closed, whatever fails afterwards', () => {
  const feed = new EventFeed(handlers);
  feed.open();
  feed.close();
  feed.retry();
  assert.equal(lost, 0);
  assert.equal(FakeSource.made, 1);
});

test('a feed that waits for its next try is not told twice that it is lost', () => {
  const feed = new EventFeed(handlers);
  feed.open();
  feed.retry();
  feed.retry();
  assert.equal(lost, 1);
  feed.close();
});
