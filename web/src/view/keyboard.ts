// The page's keyboard: which key means what. Keys in a field, with Ctrl, Alt or Meta, or under a dialog are not ours.
export type Command =
  | { name: 'camera'; place: number }
  | { name: 'grid' | 'pair' | 'fullscreen' | 'snapshot' | 'snapshot_all' | 'rotate' | 'pip' | 'help' | 'escape' | 'previous' | 'next' };

const by_key: Record<string, Command['name']> = {
  g: 'grid',
  t: 'pair',
  f: 'fullscreen',
  s: 'snapshot',
  r: 'rotate',
  p: 'pip',
  '?': 'help',
  escape: 'escape',
  arrowleft: 'previous',
  arrowright: 'next',
};

export interface KeyPress {
  key: string;
  code?: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

export function commandOf(press: KeyPress): Command | undefined {
  if (press.ctrlKey || press.altKey || press.metaKey) return undefined;
  if (/^[1-9]$/.test(press.key)) return { name: 'camera', place: Number(press.key) - 1 };
  // By place on the keyboard where the layout gives no Latin letters (Korean: "ㄹ" is on F).
  const letter = press.code?.match(/^Key([A-Z])$/)?.[1];
  const key = /^[\u0020-\u007e]$/.test(press.key) || press.key.length > 1 || !letter ? press.key.toLowerCase() : letter.toLowerCase();
  const name = by_key[key];
  if (!name || name === 'camera') return undefined;
  if (name === 'snapshot' && press.shiftKey) return { name: 'snapshot_all' };
  if (press.shiftKey && (name === 'previous' || name === 'next')) return undefined;
  return { name };
}

// Whether the element takes keys itself. Sliders and radio buttons take the arrows only.
export function takesKeys(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  const field = target.closest('input, select, textarea, [contenteditable]');
  if (!field) return false;
  const type = field instanceof HTMLInputElement ? field.type : 'text';
  if (type === 'checkbox') return false;
  if (type === 'range' || type === 'radio') return key.startsWith('Arrow') || key === 'Escape';
  return true;
}
