// A camera's stream in the size that it is shown in: the box's size (bind width and height to it), what to ask for, and
// the words about it. For Tile and CameraView; made while a component is set up.
import { cameraStreamUrl } from '../api/client';
import type { Camera } from '../api/types';
import type { App } from '../state/app.svelte';
import { shownWidth, wantedSize } from './geometry';
import { StreamView } from './stream_view.svelte';
import { wordsOf } from './words';

export class SizedStream {
  readonly view = new StreamView();
  width = $state(0);
  height = $state(0);
  // The reduced size was refused (the server makes only so many at once): take the camera's own.
  #refused = $state(false);

  #camera: Camera = $derived.by(() => this.camera());
  readonly words = $derived.by(() => wordsOf(this.#camera, this.view, this.app.link.state === 'up'));
  readonly rotation = $derived.by(() => this.app.rotation(this.#camera));
  readonly aspect = $derived.by(() => (this.#camera.width > 0 && this.#camera.height > 0 ? this.#camera.width / this.#camera.height : 4 / 3));
  #size = $derived.by(() => wantedSize(this.#camera, shownWidth(this, this.aspect, this.rotation) * devicePixelRatio));
  readonly url = $derived.by(() => cameraStreamUrl(this.#camera.id, this.#refused ? {} : { size: this.#size, fps: this.fps() }));

  // fps: frames per second to ask for; undefined for all.
  constructor(
    private readonly app: App,
    private readonly camera: () => Camera,
    private readonly fps: () => number | undefined = () => undefined,
  ) {
    $effect(() => {
      if (this.view.failures >= 2 && this.#size) this.#refused = true;
    });
    $effect(() => {
      if (this.app.link.generation) this.#refused = false;
    });
  }
}
