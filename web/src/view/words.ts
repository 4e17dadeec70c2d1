// What a tile says about its camera: the server's state and this page's own connection put into one plain statement.
import type { Camera } from '../api/types';
import type { TextKey } from '../i18n/en';
import type { I18n } from '../i18n/i18n.svelte';
import type { StreamView } from './stream_view.svelte';

export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'off';

export interface Words {
  tone: Tone;
  title: TextKey;
  // What is the matter and what to do; absent when all is well.
  hint?: TextKey;
  // The hint ends with a command to run.
  command?: string;
}

export const find_cameras_command = 'camweave cameras';

const by_state: Record<Exclude<Camera['state'], 'streaming'>, Words> = {
  starting: { tone: 'busy', title: 'state.starting', hint: 'hint.starting' },
  stalled: { tone: 'warn', title: 'state.stalled', hint: 'hint.stalled' },
  failed: { tone: 'bad', title: 'state.failed', hint: 'hint.failed' },
  away: { tone: 'bad', title: 'state.away', hint: 'hint.away', command: find_cameras_command },
  disabled: { tone: 'off', title: 'state.disabled', hint: 'hint.disabled' },
};

// What to check when a camera that is no plugged-in device is away, by driver.
const away_hints: Record<string, TextKey> = {
  stream: 'hint.away_network',
  file: 'hint.away_source',
  exec: 'hint.away_source',
};

function away(camera: Camera): Words {
  const hint = away_hints[camera.driver];
  return hint ? { ...by_state.away, hint, command: undefined } : by_state.away;
}

const live: Words = { tone: 'ok', title: 'state.streaming' };
const connecting: Words = { tone: 'busy', title: 'state.connecting', hint: 'hint.connecting' };
const reconnecting: Words = { tone: 'warn', title: 'state.reconnecting', hint: 'hint.reconnecting' };
const paused: Words = { tone: 'off', title: 'state.paused' };

// "30 fps"; empty while there is nothing to say.
export function fpsText(i18n: I18n, words: Words, fps: number): string {
  if (words.tone !== 'ok' || fps <= 0) return '';
  return i18n.t('picture.fps', { n: i18n.number(fps, { maximumFractionDigits: fps < 2.95 ? 1 : 0 }) });
}

export function wordsOf(camera: Camera, view: StreamView, serverKnown: boolean): Words {
  // Without the server's word the state may have changed: only our own connection counts.
  if (serverKnown && camera.state === 'away') return away(camera);
  if (serverKnown && camera.state !== 'streaming') return by_state[camera.state] ?? connecting;
  switch (view.status.name) {
    case 'open':
      return view.hasPicture ? live : connecting;
    case 'connecting':
      return view.failures > 0 ? reconnecting : view.hasPicture ? live : connecting;
    case 'waiting':
      return reconnecting;
    case 'closed':
      return paused;
  }
}
