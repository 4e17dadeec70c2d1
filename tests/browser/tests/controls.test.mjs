// The controls panel, made from the schema alone: on either server what every sensor has; the rest on the mock server.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPage, screenshot, startChromium, without_chromium } from '../lib/browsers.mjs';
import { assertNoComplaints } from '../lib/look.mjs';
import { binary, startServer } from '../lib/server.mjs';
import { until } from '../lib/until.mjs';

const only_mock = binary ? 'shown on the mock server, which has every kind of control' : false;

describe('controls', { skip: without_chromium }, () => {
  let browser;
  let running;
  let page;

  const api = () => `${running.url}/api/v1/cameras/cam0/controls`;
  const value = async (name) => (await (await fetch(api())).json()).controls.find((control) => control.name === name)?.value;
  const has = (name, wanted) => until(`${name} is ${wanted}`, async () => (await value(name)) === wanted);
  const row = (name) => page.locator(`[data-control="${name}"]`);

  before(async () => {
    running = await startServer();
    browser = await startChromium();
    page = await openPage(browser, running.url, { hash: '#/camera/cam0' });
    await page.waitForSelector('[data-control="auto_exposure"]');
  });

  after(async () => {
    assertNoComplaints(page);
    await browser?.close();
    await running?.finish();
  });

  test('a switch sets at once, and frees or takes the controls that it rules', async () => {
    const auto = row('auto_exposure').getByRole('switch');
    await auto.setChecked(true);
    await has('auto_exposure', true);
    await until('exposure is not free', () => row('exposure_us').getByRole('slider').isDisabled());
    await until('and why', async () => /Set by “Automatic exposure”/.test(await row('exposure_us').innerText()));
    await screenshot(page, 'controls');
    await auto.setChecked(false);
    await has('auto_exposure', false);
    await until('exposure is free', async () => !(await row('exposure_us').getByRole('slider').isDisabled()));
  });

  test('a slider sets while it is moved; a wide range goes by ratio', async () => {
    await row('auto_exposure').getByRole('switch').setChecked(false);
    await until('exposure is free', async () => !(await row('exposure_us').getByRole('slider').isDisabled()));
    const slider = row('exposure_us').getByRole('slider');
    await slider.fill('500');
    await has('exposure_us', 10_000);
    await until('it is said in words', async () => /10\sms · 1\/100 s/.test(await row('exposure_us').innerText()));
    await slider.press('ArrowRight');
    await until('a little more', async () => (await value('exposure_us')) > 10_000 && (await value('exposure_us')) < 10_200);
  });

  test('a number typed is set, and kept within the range', async () => {
    const field = row('gain').getByRole('spinbutton');
    await field.fill('4');
    await field.press('Enter');
    await has('gain', 4);
    await field.fill('99');
    await field.press('Enter');
    await has('gain', 16);
    await until('the field shows it', async () => (await field.inputValue()) === '16');
  });

  test('a control goes back to its default; all do', async () => {
    await row('gain').getByRole('button').click();
    await has('gain', 1);
    await row('gain').getByRole('spinbutton').fill('3');
    await row('gain').getByRole('spinbutton').press('Enter');
    await has('gain', 3);
    await page.getByRole('button', { name: 'Reset all' }).click();
    await has('auto_exposure', true);
    await until('the panel shows it', () => row('auto_exposure').getByRole('switch').isChecked());
  });

  test('a change from elsewhere is seen', async () => {
    await fetch(api(), { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ auto_exposure: false }) });
    await until('the switch is off', async () => !(await row('auto_exposure').getByRole('switch').isChecked()));
    await until('exposure is free', async () => !(await row('exposure_us').getByRole('slider').isDisabled()));
  });

  test('an answer that comes late does not undo what came after it', async () => {
    let letGo;
    const held = new Promise((resolve) => (letGo = resolve));
    let heldBack = false;
    await page.route('**/controls/reset', async (route) => {
      const answer = await route.fetch();
      heldBack = true;
      await held;
      await route.fulfill({ response: answer });
    });
    const asked = page.waitForResponse('**/controls/reset');
    await page.getByRole('button', { name: 'Reset all' }).click();
    await until('the reset is done at the server', () => heldBack);
    const auto = row('auto_exposure').getByRole('switch');
    await until('the switch is on', () => auto.isChecked());
    await fetch(api(), { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ auto_exposure: false }) });
    await until('the switch is off', async () => !(await auto.isChecked()));
    letGo();
    await (await asked).finished();
    // A change that is made after the answer arrived, and seen: so the answer was dealt with.
    await fetch(api(), { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ gain: 2 }) });
    await until('the gain is seen', async () => (await row('gain').getByRole('spinbutton').inputValue()) === '2');
    assert.equal(await auto.isChecked(), false);
    await page.unroute('**/controls/reset');
  });

  test('menu, button, read-only value, unit; names that no table has', { skip: only_mock }, async () => {
    await row('focus_mode').getByRole('combobox').selectOption('manual');
    await has('focus_mode', 'manual');
    assert.match(await row('power_line_frequency').innerText(), /Power line frequency/);
    assert.match(await row('sensor_temperature_c').innerText(), /41\.5\s°C/);
    assert.equal(await row('sensor_temperature_c').getByRole('slider').count(), 0);
    const asked = page.waitForRequest((request) => request.method() === 'PATCH' && request.postData() === '{"trigger":true}');
    await row('trigger').getByRole('button').click();
    await asked;
  });

  test('a refusal is said beside its control, and the camera’s value comes back', { skip: only_mock }, async () => {
    await page.route('**/controls', (route) =>
      route.request().method() === 'PATCH'
        ? route.fulfill({ status: 422, json: { detail: [{ loc: ['body', 'brightness'], msg: 'the camera says no', type: 'value_error' }] } })
        : route.fallback());
    await row('brightness').getByRole('slider').fill('10');
    await row('brightness').getByText('the camera says no').waitFor();
    await until('the old value', async () => (await row('brightness').getByRole('spinbutton').inputValue()) === '0');
    await page.unroute('**/controls');
  });

  test('away, the panel waits for the camera', { skip: only_mock }, async () => {
    running.server.setState('cam0', 'away');
    await page.getByText('The controls come back with the camera.').waitFor();
    running.server.setState('cam0', 'streaming');
    await page.waitForSelector('[data-control="auto_exposure"]');
  });
});
