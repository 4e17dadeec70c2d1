import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, type KeyPress } from '../src/view/keyboard';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more });

test('keys and what they do', () => {
  assert.deepEqual(commandOf(press('f')), { name: 'fullscreen' });
  assert.deepEqual(commandOf(press('F', { shiftKey: true })), { name: 'fullscreen' });
  assert.deepEqual(commandOf(press('s')), { name: 'snapshot' });
  assert.deepEqual(commandOf(press('S', { shiftKey: true })), { name: 'snapshot_all' });
  assert.deepEqual(commandOf(press('3')), { name: 'camera', place: 2 });
  assert.deepEqual(commandOf(press('?', { shiftKey: true })), { name: 'help' });
  assert.deepEqual(commandOf(press('ArrowLeft')), { name: 'previous' });
  assert.equal(commandOf(press('ArrowLeft', { shiftKey: true })), undefined);
  assert.equal(commandOf(press('x')), undefined);
});

test('the browser’s own shortcuts are left alone', () => {
  for (const more of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }]) assert.equal(commandOf(press('s', more)), undefined);
});

test('on a keyboard that writes Korean, keys work by place', () => {
  assert.deepEqual(commandOf(press('ㄹ', { code: 'KeyF' })), { name: 'fullscreen' });
});
