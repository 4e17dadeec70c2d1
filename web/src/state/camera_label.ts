// What a camera is called on the page. Pure.
import type { Camera } from '../api/types';

// The name that somebody gave it; a name that is only the device's model stands back behind the id, which is the
// operator's own and tells two of a kind apart.
export function labelOf(camera: Camera): string {
  return isModel(camera) ? camera.id : camera.name;
}

// The device's name beside the label, where that says more; else empty.
export function deviceOf(camera: Camera): string {
  return isModel(camera) && camera.name !== camera.id ? camera.name : '';
}

function isModel({ name, make, model }: Camera): boolean {
  return name === '' || name === model || name === `${make} ${model}`;
}
