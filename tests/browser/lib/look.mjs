// What is seen on the page: samples of the pictures' pixels, and the tiles' own words. For Playwright and Puppeteer pages.
import assert from 'node:assert/strict';
import { until } from './until.mjs';

// A grid of 32 by 24 grey values of the canvas; empty when nothing was painted.
export const pixels = (page, selector) =>
  page.evaluate((canvas_selector) => {
    const canvas = document.querySelector(canvas_selector);
    if (!canvas || !canvas.width) return [];
    const copy = document.createElement('canvas');
    copy.width = 32;
    copy.height = 24;
    const draw = copy.getContext('2d');
    draw.drawImage(canvas, 0, 0, 32, 24);
    const { data } = draw.getImageData(0, 0, 32, 24);
    return Array.from({ length: 32 * 24 }, (_, at) => data[at * 4] + data[at * 4 + 1] + data[at * 4 + 2]);
  }, selector);

const differing = (a, b) => a.filter((value, at) => Math.abs(value - b[at]) > 24).length;

// The picture is no blank, and its pixels change from one sample to another.
export async function assertMoves(page, selector, limit_ms) {
  const first = await until(`a picture in ${selector}`, async () => {
    const sample = await pixels(page, selector);
    return new Set(sample).size > 8 && sample;
  }, limit_ms);
  await until(`${selector} moves`, async () => differing(first, await pixels(page, selector)) >= 3, limit_ms);
}

export const tile = (id) => `[data-camera="${id}"]`;
export const canvas = (id) => `${tile(id)} canvas`;

export const shown = (page, id) => page.evaluate((selector) => Number(document.querySelector(selector)?.dataset.shown ?? 0), canvas(id));

export async function assertLive(page, id, limit_ms) {
  await until(`${id} is live`, () => page.evaluate((selector) => document.querySelector(selector)?.dataset.state === 'state.streaming', tile(id)), limit_ms);
  const before = await shown(page, id);
  await until(`${id} shows new pictures`, async () => (await shown(page, id)) !== before, limit_ms);
}

export const box = (page, selector) =>
  page.evaluate((target) => {
    const { left, top, width, height } = document.querySelector(target).getBoundingClientRect();
    return { left, top, width, height, right: left + width, bottom: top + height };
  }, selector);

export function assertNoComplaints(page) {
  assert.deepEqual(page.complaints, []);
}
