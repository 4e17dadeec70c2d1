// Everything that the page's parts share, made once in main.ts and handed down by Svelte's context; and the wiring of
// the server's events to it.
import { getContext, setContext } from 'svelte';
import { ApiError, getServer, logIn, logOut } from '../api/client';
import { EventFeed } from '../api/events';
import type { Camera, Control, Rotation } from '../api/types';
import { I18n } from '../i18n/i18n.svelte';
import { PlayerPool } from '../stream/player';
import { labelOf } from './camera_label';
import { Cameras } from './cameras.svelte';
import { PageClock } from './clock.svelte';
import { Link } from './link.svelte';
import { Pair, pair_keys, type PairKey } from './pair.svelte';
import { Prefs } from './prefs.svelte';
import { Router } from './route.svelte';
import { Snapshots } from './snapshots.svelte';

type ControlsListener = (changed: Control[]) => void;

export class App {
  readonly cameras = new Cameras();
  readonly clock = new PageClock();
  readonly link = new Link();
  readonly pair = new Pair();
  readonly players = new PlayerPool();
  readonly prefs = new Prefs();
  readonly router = new Router();
  readonly i18n = new I18n(this.prefs.locale);
  readonly snapshots = new Snapshots();
  // Read out by screen readers.
  announcement = $state('');

  #controlsListeners = new Map<string, Set<ControlsListener>>();
  #feed = new EventFeed({
    opened: () => void this.#refresh(),
    lost: (retryAt) => void this.#lost(retryAt),
    camera: (camera) => this.#cameraArrived(camera),
    cameraRemoved: (id) => this.#cameraRemoved(id),
    health: (health) => this.cameras.healthArrived(health),
    controls: (camera, changed) => this.#controlsListeners.get(camera)?.forEach((listener) => listener(changed)),
    config: (config) => this.pair.arrived(config),
  });

  // Cameras in the order that this browser's user gave them; new ones come last.
  readonly ordered: Camera[] = $derived.by(() => {
    const place = (camera: Camera) => {
      const at = this.prefs.order.indexOf(camera.id);
      return at < 0 ? this.prefs.order.length + camera.index : at;
    };
    return [...this.cameras.list].sort((a, b) => place(a) - place(b));
  });

  // The first two cameras by index: what the two-up view shows.
  readonly pairCameras: (Camera | undefined)[] = $derived([0, 1].map((index) => this.cameras.list.find((camera) => camera.index === index)));

  connect(): void {
    this.#feed.open();
  }

  disconnect(): void {
    this.#feed.close();
  }

  async logIn(key: string): Promise<void> {
    await logIn(key);
    this.link.retryAt = 0;
    this.connect();
  }

  async logOut(): Promise<void> {
    await logOut();
    this.#lock();
  }

  rotation(camera: Camera): Rotation {
    const key = pairKey(camera);
    return key ? this.pair.config.cameras[key].rotation : this.prefs.rotation(camera.id);
  }

  rotate(camera: Camera): void {
    const next = ((this.rotation(camera) + 90) % 360) as Rotation;
    const key = pairKey(camera);
    if (key) this.pair.rotate(key, next);
    else this.prefs.setRotation(camera.id, next);
  }

  // Puts the camera at that place of the grid.
  move(id: string, place: number): void {
    const order = this.ordered.map((camera) => camera.id);
    const from = order.indexOf(id);
    if (from < 0 || place < 0 || place >= order.length || from === place) return;
    order.splice(place, 0, ...order.splice(from, 1));
    this.prefs.setOrder(order);
    const camera = this.cameras.byId(id);
    const name = camera ? labelOf(camera) : id;
    this.announce(this.i18n.t('announce.moved', { name, place: place + 1, count: order.length }));
  }

  announce(text: string): void {
    this.announcement = text;
  }

  // Calls back with controls that changed at the server; answers the function that ends this.
  onControls(camera: string, listener: ControlsListener): () => void {
    const listeners = this.#controlsListeners.get(camera) ?? new Set();
    this.#controlsListeners.set(camera, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async #refresh(): Promise<void> {
    this.link.up();
    void this.pair.load();
    try {
      await this.cameras.load();
    } catch {
      this.#feed.retry();
    }
  }

  async #lost(retryAt: number): Promise<void> {
    this.link.lost(retryAt);
    try {
      await getServer();
    } catch (error) {
      // Of an earlier loss, perhaps from before somebody logged in.
      if (this.link.state !== 'lost' || this.link.retryAt !== retryAt) return;
      // EventSource doesn't tell a refusal from silence; this does.
      const status = error instanceof ApiError ? error.status : 0;
      this.link.refusal = error instanceof ApiError && status === 403 ? error.message : null;
      if (status === 401) this.#lock();
    }
  }

  // Nothing is asked for again until somebody gives the key.
  #lock(): void {
    this.#feed.close();
    this.link.locked = true;
  }

  #cameraArrived(camera: Camera): void {
    const known = this.cameras.byId(camera.id);
    const { t } = this.i18n;
    if (this.cameras.loaded && !known) this.announce(t('announce.added', { name: labelOf(camera) }));
    else if (known && known.state !== camera.state) {
      this.announce(t('announce.state', { name: labelOf(camera), state: t(`state.${camera.state}`) }));
    }
    this.cameras.arrived(camera);
  }

  #cameraRemoved(id: string): void {
    const known = this.cameras.byId(id);
    if (known) this.announce(this.i18n.t('announce.removed', { name: labelOf(known) }));
    this.cameras.removed(id);
  }
}

const pairKey = (camera: Camera): PairKey | undefined => pair_keys[camera.index];

const context = Symbol('app');
export const provideApp = (app: App): App => setContext(context, app);
export const useApp = (): App => getContext<App>(context);
