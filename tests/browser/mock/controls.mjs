// A sensor's controls for the mock server, with the behaviour that the page relies on: auto partners take over their
// controls, values are clamped to steps, actions fire.
export function sensorControls() {
  return [
    { name: 'auto_exposure', type: 'bool', default: true, value: true },
    { name: 'exposure_us', type: 'int', unit: 'us', min: 100, max: 1000000, step: 1, default: 10000, value: 8000, auto: 'auto_exposure' },
    { name: 'gain', type: 'float', min: 1, max: 16, step: 0.1, default: 1, value: 2.4, auto: 'auto_exposure' },
    { name: 'auto_white_balance', type: 'bool', default: true, value: false },
    { name: 'colour_temperature_k', type: 'int', unit: 'K', min: 2800, max: 6500, step: 10, default: 4600, value: 5200, auto: 'auto_white_balance' },
    { name: 'brightness', type: 'int', min: -64, max: 64, step: 1, default: 0, value: 0 },
    { name: 'contrast', type: 'int', min: 0, max: 100, step: 5, default: 50, value: 50 },
    { name: 'focus_mode', type: 'enum', options: ['auto', 'manual', 'macro'], default: 'auto', value: 'auto' },
    { name: 'lens_position', type: 'float', unit: 'dpt', min: 0, max: 12, step: 0.1, default: 0, value: 1.5, available: false, why: 'focus_mode is auto' },
    { name: 'power_line_frequency', type: 'enum', options: ['off', '50 Hz', '60 Hz'], default: '50 Hz', value: '50 Hz' },
    { name: 'flip_h', type: 'bool', default: false, value: false },
    { name: 'sensor_temperature_c', type: 'float', unit: '°C', value: 41.5, read_only: true },
    { name: 'trigger', type: 'action' },
  ].map(withAvailability);
}

const withAvailability = (control) => ({ read_only: false, available: true, ...control });

// Sets one control: answers { value, adjusted }, or throws the validation message.
function setOne(control, wanted) {
  if (control.read_only) throw `${control.name} is read-only`;
  if (control.type === 'action') return { value: null, adjusted: false };
  if (control.type === 'bool' && typeof wanted !== 'boolean') throw 'value is not a bool';
  if (control.type === 'enum' && !control.options.includes(wanted)) throw `must be one of ${control.options.join(', ')}`;
  if (control.type === 'int' || control.type === 'float') {
    if (typeof wanted !== 'number') throw 'value is not a number';
    if (wanted < control.min) throw `${control.name} must be >= ${control.min}`;
    if (wanted > control.max) throw `${control.name} must be <= ${control.max}`;
    const stepped = Number((control.min + Math.round((wanted - control.min) / control.step) * control.step).toFixed(6));
    return { value: stepped, adjusted: stepped !== wanted };
  }
  return { value: wanted, adjusted: false };
}

// Applies all or nothing: { applied, changed } or { errors } (FastAPI's list).
export function applyControls(controls, values) {
  const errors = [];
  const applied = {};
  for (const [name, wanted] of Object.entries(values)) {
    const control = controls.find((known) => known.name === name);
    try {
      if (!control) throw `no control named ${name}`;
      applied[name] = setOne(control, wanted);
    } catch (message) {
      errors.push({ loc: ['body', name], msg: String(message), type: 'value_error' });
    }
  }
  if (errors.length) return { errors };
  for (const [name, { value }] of Object.entries(applied)) controls.find((control) => control.name === name).value = value;
  return { applied, changed: [...new Set([...Object.keys(applied).map((name) => controls.find((control) => control.name === name)), ...settle(controls)])] };
}

// Auto partners make their controls unavailable; answers the controls whose availability changed.
export function settle(controls) {
  const changed = [];
  for (const control of controls) {
    const partner = controls.find((known) => known.name === control.auto);
    if (!partner) continue;
    const available = partner.value !== true;
    if (available !== control.available) changed.push(control);
    control.available = available;
    if (available) delete control.why;
    else control.why = `${partner.name} is on`;
  }
  return changed;
}
