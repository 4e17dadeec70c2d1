// The panel's rules: which controls stand together, what values read like, and sliders over wide ranges.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Control } from '../src/api/types';
import { clampToStep, fromSlider, groupControls, isWide, plainName, shutterText, toSlider } from '../src/view/control_schema';

const control = (name: string, auto?: string): Control => ({ name, type: 'int', auto });

test('controls with the same automatic stand together, it first, at the first one’s place', () => {
  const groups = groupControls([control('brightness'), control('exposure_us', 'auto_exposure'), control('contrast'), control('auto_exposure'), control('gain', 'auto_exposure')]);
  assert.deepEqual(
    groups.map((group) => [group.partner?.name, group.controls.map(({ name }) => name)]),
    [[undefined, ['brightness']], ['auto_exposure', ['exposure_us', 'gain']], [undefined, ['contrast']]],
  );
});

test('an automatic that the camera does not have rules nothing', () => {
  assert.deepEqual(groupControls([control('gain', 'auto_gain'), control('zoom', '')]).map((group) => group.partner), [undefined, undefined]);
});

test('names that no table has are made readable', () => {
  assert.equal(plainName('power_line_frequency'), 'Power line frequency');
});

test('exposure times as photographers say them', () => {
  const exposure = (value: number): Control => ({ name: 'exposure_us', type: 'int', unit: 'us', value });
  assert.equal(shutterText(exposure(8000)), '1/125 s');
  assert.equal(shutterText(exposure(1_000_000)), '');
  assert.equal(shutterText({ name: 'gain', type: 'float', value: 8 }), '');
});

test('a wide range goes by ratio, and its ends are exact', () => {
  const [min, max] = [100, 1_000_000];
  assert.ok(isWide(min, max));
  assert.ok(!isWide(1, 16) && !isWide(0, 1_000_000) && !isWide(-64, 64));
  assert.equal(fromSlider(0, min, max, 1), min);
  assert.equal(fromSlider(1000, min, max, 1), max);
  assert.equal(fromSlider(500, min, max, 1), 10_000);
  for (const value of [100, 250, 8000, 333_000]) {
    assert.ok(Math.abs(fromSlider(toSlider(value, min, max), min, max, 1) / value - 1) < 0.01, `${value}`);
  }
});

test('values keep to steps and range', () => {
  assert.equal(clampToStep(2803, 2800, 6500, 10), 2800);
  assert.equal(clampToStep(9999, 2800, 6500, 10), 6500);
  assert.equal(clampToStep(1.2345, 1, 16, 0.1), 1.2);
  assert.equal(clampToStep(1.2345, 1, 16, 0), 1.2345);
});
