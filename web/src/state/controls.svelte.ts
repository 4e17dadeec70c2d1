// One camera's controls: read from its schema, changed live (one request at a time, the newest values win), kept
// current by events. What the camera makes of a value is shown, not what was asked for.
import { ApiError, getControls, resetControls, setControls } from '../api/client';
import type { Control, ControlValue } from '../api/types';
import { EventReplay } from './replay';

export type ControlNote = { kind: 'adjusted' } | { kind: 'refused'; message: string };

export type ControlsState = { name: 'loading' } | { name: 'ready' } | { name: 'away' } | { name: 'failed'; reason: string };

export class CameraControls {
  list: Control[] = $state([]);
  state: ControlsState = $state.raw({ name: 'loading' });
  notes: Record<string, ControlNote> = $state({});

  #wanted: Record<string, ControlValue> = {};
  #sending: Record<string, ControlValue> = {};
  #busy = false;
  #loads = 0;
  #replay = new EventReplay();
  // What events said of controls while they were being changed here.
  #overheard: Record<string, ControlValue> = {};

  constructor(private readonly camera: string) {}

  async load(): Promise<void> {
    const number = ++this.#loads;
    try {
      await this.#replay.ask(getControls(this.camera), (list) => (this.list = list));
      this.state = { name: 'ready' };
    } catch (error) {
      if (number !== this.#loads) return; // asked again since
      this.state = error instanceof ApiError && error.status === 503 ? { name: 'away' } : { name: 'failed', reason: wordsOf(error) };
    }
  }

  set(control: Control, value: ControlValue): void {
    if (control.type !== 'action') control.value = value;
    this.#wanted[control.name] = value;
    if (!this.#busy) void this.#send();
  }

  async reset(): Promise<void> {
    try {
      await this.#replay.ask(resetControls(this.camera), (list) => (this.list = list));
      this.notes = {};
    } catch (error) {
      this.state = { name: 'failed', reason: wordsOf(error) };
    }
  }

  // Changes from elsewhere; a control that is being changed here keeps the user's value.
  arrived(changed: Control[]): void {
    this.#replay.arrived(() => this.#merge(changed));
  }

  #merge(changed: Control[]): void {
    for (const control of changed) {
      const at = this.list.findIndex((known) => known.name === control.name);
      if (at < 0) continue;
      const mine = control.name in this.#wanted || control.name in this.#sending;
      if (mine) this.#overheard[control.name] = control.value ?? null;
      this.list[at] = mine ? { ...control, value: this.list[at].value } : control;
    }
  }

  async #send(): Promise<void> {
    this.#busy = true;
    let others = false;
    while (Object.keys(this.#wanted).length > 0) {
      this.#sending = this.#wanted;
      this.#wanted = {};
      for (const name of Object.keys(this.#sending)) delete this.notes[name];
      try {
        this.#applied(await setControls(this.camera, this.#sending));
        others ||= Object.keys(this.#sending).some((name) => this.#rulesOthers(name));
      } catch (error) {
        this.#refused(error);
        others = true;
      }
      this.#sending = {};
    }
    this.#busy = false;
    // A mode changes what else is available, a refused value is not the camera's, and somebody may have had the last
    // word meanwhile: ask.
    if (this.#contradicted() || others) await this.#refresh();
  }

  #contradicted(): boolean {
    const overheard = Object.entries(this.#overheard);
    this.#overheard = {};
    return overheard.some(([name, value]) => this.list.some((known) => known.name === name && (known.value ?? null) !== value));
  }

  #applied(answer: Awaited<ReturnType<typeof setControls>>): void {
    for (const [name, { value, adjusted }] of Object.entries(answer)) {
      const control = this.list.find((known) => known.name === name);
      if (!control || control.type === 'action' || name in this.#wanted) continue;
      control.value = value;
      if (adjusted) this.notes[name] = { kind: 'adjusted' };
    }
  }

  #refused(error: unknown): void {
    const fields = error instanceof ApiError ? error.fields : [];
    for (const name of Object.keys(this.#sending)) {
      const own = fields.find((field) => field.field === name);
      if (own || fields.length === 0) this.notes[name] = { kind: 'refused', message: own?.message ?? wordsOf(error) };
    }
  }

  #rulesOthers(name: string): boolean {
    const type = this.list.find((known) => known.name === name)?.type;
    return type === 'bool' || type === 'enum';
  }

  async #refresh(): Promise<void> {
    try {
      await this.#replay.ask(getControls(this.camera), (list) => this.#merge(list));
    } catch {
      // The camera left meanwhile: its state tells.
    }
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
