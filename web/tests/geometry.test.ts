import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planGrid, shownWidth, wantedSize } from '../src/view/geometry';

const desktop = { width: 1256, height: 700, gap: 12, footer: 44, aspect: 16 / 9, minTile: 280 };

test('one camera fills the height, two stand side by side, four make a square', () => {
  assert.equal(planGrid(1, desktop).columns, 1);
  assert.equal(planGrid(2, desktop).columns, 2);
  assert.equal(planGrid(4, desktop).columns, 2);
});

test('all tiles stay in sight while they are readable', () => {
  for (let count = 1; count <= 9; count += 1) {
    const { columns, tileWidth } = planGrid(count, desktop);
    const rows = Math.ceil(count / columns);
    assert.ok(columns * tileWidth + (columns - 1) * desktop.gap <= desktop.width, `${count} wide`);
    if (tileWidth > desktop.minTile) {
      assert.ok(rows * (tileWidth / desktop.aspect + desktop.footer) + (rows - 1) * desktop.gap <= desktop.height + 1, `${count} high`);
    }
  }
});

test('a phone shows one column and scrolls', () => {
  const phone = { ...desktop, width: 366, height: 700 };
  assert.deepEqual(planGrid(6, phone), { columns: 1, tileWidth: 366 });
});

test('a screen narrower than the smallest tile still shows whole tiles', () => {
  assert.equal(planGrid(3, { ...desktop, width: 200 }).tileWidth, 200);
});

test('a turned picture is measured before it is turned', () => {
  const box = { width: 400, height: 300 };
  assert.equal(shownWidth(box, 4 / 3, 0), 400);
  assert.equal(shownWidth(box, 4 / 3, 90), 300);
});

test('sizes are asked for in halves and quarters, never larger than needed', () => {
  const camera = { width: 1920, height: 1080 };
  assert.equal(wantedSize(camera, 1900), undefined);
  assert.equal(wantedSize(camera, 960), '960x540');
  assert.equal(wantedSize(camera, 300), '480x270');
  assert.equal(wantedSize({ width: 320, height: 240 }, 50), undefined);
  assert.equal(wantedSize({ width: 0, height: 0 }, 300), undefined);
});
