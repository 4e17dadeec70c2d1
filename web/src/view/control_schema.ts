// From a camera's control schema to what the panel shows: groups, names, values in words. Pure.
import type { Control, ControlValue } from '../api/types';
import type { I18n } from '../i18n/i18n.svelte';

export interface ControlGroup {
  // The mode that the others obey, as automatic exposure; absent for a control on its own.
  partner?: Control;
  controls: Control[];
}

// Controls with the same auto partner stand together under it, at the place of the first of them.
export function groupControls(list: Control[]): ControlGroup[] {
  const partners = new Set(list.map((control) => control.auto).filter((name) => list.some((known) => known.name === name)));
  const groups: ControlGroup[] = [];
  const byPartner = new Map<string, ControlGroup>();
  for (const control of list) {
    const partner = partners.has(control.name) ? control.name : partners.has(control.auto) ? control.auto : undefined;
    if (!partner) {
      groups.push({ controls: [control] });
      continue;
    }
    let group = byPartner.get(partner);
    if (!group) {
      group = { controls: [] };
      byPartner.set(partner, group);
      groups.push(group);
    }
    if (control.name === partner) group.partner = control;
    else group.controls.push(control);
  }
  return groups;
}

// power_line_frequency: "Power line frequency".
export function plainName(name: string): string {
  const words = name.replace(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const controlName = (i18n: I18n, name: string): string => i18n.lookup(`control.${name}`) ?? plainName(name);

export const optionName = (i18n: I18n, option: string): string => i18n.lookup(`option.${option.toLowerCase()}`) ?? plainName(option);

export const isNumeric = (control: Control) => control.type === 'int' || control.type === 'float';

// A range over many powers of ten is handled by ratio: each part of the slider multiplies alike.
export const isWide = (min: number, max: number) => min > 0 && max / min >= 200;

const unit_texts: Record<string, string> = { us: 'µs', deg: '°', percent: '%', x: '×' };
export const unitText = (unit: string | undefined) => (unit ? (unit_texts[unit] ?? unit) : '');

// In the unit that reads best: 8000 us is "8 ms".
export function valueText(i18n: I18n, control: Control, value: ControlValue | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? '✓' : '–';
  if (typeof value === 'string') return control.type === 'enum' ? optionName(i18n, value) : value;
  if (control.unit !== 'us') return withUnit(i18n.number(value), unitText(control.unit));
  if (value < 1000) return withUnit(i18n.number(value), 'µs');
  if (value < 1_000_000) return withUnit(i18n.number(value / 1000, { maximumSignificantDigits: 4 }), 'ms');
  return withUnit(i18n.number(value / 1_000_000, { maximumSignificantDigits: 4 }), 's');
}

// Times below a third of a second as photographers say them: 8000 us is "1/125 s".
export function shutterText(control: Control): string {
  const value = control.value;
  if (control.unit !== 'us' || typeof value !== 'number' || value <= 0 || value > 300_000) return '';
  return `1/${Math.round(1_000_000 / value)} s`;
}

const withUnit = (number: string, unit: string) => (unit ? `${number}\u00a0${unit}` : number);

// The slider's own scale for a wide range, in thousandths, and back to a value on the control's steps.
export const slider_steps = 1000;

export function toSlider(value: number, min: number, max: number): number {
  return Math.round((Math.log(Math.max(value, min) / min) / Math.log(max / min)) * slider_steps);
}

export function fromSlider(position: number, min: number, max: number, step: number): number {
  const value = min * (max / min) ** (position / slider_steps);
  // Three digits are as fine as a hand is.
  const rounded = Number(value.toPrecision(3));
  return clampToStep(rounded, min, max, step);
}

export function clampToStep(value: number, min: number, max: number, step: number): number {
  const stepped = step > 0 ? min + Math.round((value - min) / step) * step : value;
  return Math.min(max, Math.max(min, Number(stepped.toFixed(6))));
}
