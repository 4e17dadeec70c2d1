// What this browser remembers: language, appearance, the grid's order, rotation of cameras that the server keeps none
// for. Kept in localStorage where that is allowed; a damaged entry counts as none.
import type { Rotation } from '../api/types';
import { pickLocale, locales, type Locale } from '../i18n/i18n.svelte';

export type Theme = 'auto' | 'light' | 'dark';

interface Stored {
  locale: Locale | 'auto';
  theme: Theme;
  // Single keys as shortcuts; some input methods press keys by mistake.
  shortcuts: boolean;
  order: string[];
  rotation: Record<string, Rotation>;
}

const key = 'camweave.page';
const none: Stored = { locale: 'auto', theme: 'auto', shortcuts: true, order: [], rotation: {} };

export class Prefs {
  #stored: Stored = $state(read());

  get localeChoice(): Locale | 'auto' {
    return this.#stored.locale;
  }

  get locale(): Locale {
    return this.#stored.locale === 'auto' ? pickLocale(navigator.languages) : this.#stored.locale;
  }

  get theme(): Theme {
    return this.#stored.theme;
  }

  get shortcuts(): boolean {
    return this.#stored.shortcuts;
  }

  get order(): readonly string[] {
    return this.#stored.order;
  }

  rotation(camera: string): Rotation {
    return this.#stored.rotation[camera] ?? 0;
  }

  setLocale(locale: Locale | 'auto'): void {
    this.#change({ locale });
  }

  setTheme(theme: Theme): void {
    this.#change({ theme });
  }

  setShortcuts(shortcuts: boolean): void {
    this.#change({ shortcuts });
  }

  setOrder(order: string[]): void {
    this.#change({ order });
  }

  setRotation(camera: string, rotation: Rotation): void {
    this.#change({ rotation: { ...this.#stored.rotation, [camera]: rotation } });
  }

  #change(part: Partial<Stored>): void {
    this.#stored = { ...this.#stored, ...part };
    try {
      localStorage.setItem(key, JSON.stringify(this.#stored));
    } catch {
      // Private windows and some WebViews store nothing: the choice holds until the page is closed.
    }
  }
}

function read(): Stored {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Stored>;
    return {
      locale: locales.includes(stored.locale as Locale) ? (stored.locale as Locale) : none.locale,
      theme: stored.theme === 'light' || stored.theme === 'dark' ? stored.theme : none.theme,
      shortcuts: stored.shortcuts !== false,
      order: Array.isArray(stored.order) ? stored.order.filter((id) => typeof id === 'string') : none.order,
      rotation: stored.rotation && typeof stored.rotation === 'object' ? stored.rotation : none.rotation,
    };
  } catch {
    return none;
  }
}
