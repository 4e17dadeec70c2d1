import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Camera } from '../src/api/types';
import { deviceOf, labelOf } from '../src/state/camera_label';

const camera = (name: string, make = 'Acme', model = 'C920') => ({ id: 'front', name, make, model }) as Camera;

test('a given name is the label', () => {
  assert.equal(labelOf(camera('Front door')), 'Front door');
  assert.equal(deviceOf(camera('Front door')), '');
});

test('a model stands behind the id', () => {
  for (const name of ['C920', 'Acme C920']) {
    assert.equal(labelOf(camera(name)), 'front');
    assert.equal(deviceOf(camera(name)), name);
  }
});

test('without a name the id is all', () => {
  assert.equal(labelOf(camera('', '', '')), 'front');
  assert.equal(deviceOf(camera('', '', '')), '');
});
