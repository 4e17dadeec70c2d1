// The chosen language: its texts, and its way with numbers, times and durations (Intl). Thread-bound to the page.
import { en, type TextKey, type Texts } from './en';
import { fr } from './fr';
import { ko } from './ko';

export const tables = { en, ko, fr } satisfies Record<string, Texts>;
export type Locale = keyof typeof tables;
export const locales = Object.keys(tables) as Locale[];
export const locale_names: Record<Locale, string> = { en: 'English', ko: '한국어', fr: 'Français' };

// Keys with plural forms are asked for without their ending.
type PluralStem<Key> = Key extends `${infer Stem}_other` ? Stem : never;
export type PluralKey = PluralStem<TextKey>;

type Params = Record<string, string | number>;

export function pickLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const found = locales.find((locale) => tag.toLowerCase().split('-')[0] === locale);
    if (found) return found;
  }
  return 'en';
}

export class I18n {
  locale: Locale = $state('en');

  constructor(locale: Locale) {
    this.locale = locale;
  }

  t = (key: TextKey, params: Params = {}): string =>
    tables[this.locale][key].replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = params[name];
      return typeof value === 'number' ? this.number(value) : (value ?? '');
    });

  plural = (stem: PluralKey, n: number): string => {
    const form = new Intl.PluralRules(this.locale).select(n) === 'one' ? 'one' : 'other';
    return this.t(`${stem}_${form}` as TextKey, { n });
  };

  // A text whose key is made at run time, as a control's name; undefined when there is none.
  lookup = (key: string): string | undefined => (tables[this.locale] as Record<string, string>)[key];

  number = (value: number, options: Intl.NumberFormatOptions = {}): string =>
    new Intl.NumberFormat(this.locale, { maximumFractionDigits: 3, ...options }).format(value);

  // Whole seconds, minutes, hours or days, as "12 s".
  duration = (ms: number): string => {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const [value, unit] =
      seconds < 100 ? [seconds, 'second'] :
      seconds < 6000 ? [Math.round(seconds / 60), 'minute'] :
      seconds < 172_800 ? [Math.round(seconds / 3600), 'hour'] :
      [Math.round(seconds / 86_400), 'day'];
    return this.number(value as number, { style: 'unit', unit: unit as string, unitDisplay: 'short' });
  };

  time = (at: Date): string => new Intl.DateTimeFormat(this.locale, { timeStyle: 'medium' }).format(at);

  dateTime = (at: Date): string =>
    new Intl.DateTimeFormat(this.locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
}
