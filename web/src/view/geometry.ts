// Where pictures go and how large they need to be. Pure.
import type { Rotation } from '../api/types';

export const isSideways = (rotation: Rotation) => rotation === 90 || rotation === 270;

export interface GridPlan {
  columns: number;
  tileWidth: number;
}

export interface GridSpace {
  width: number;
  height: number;
  gap: number;
  // Height of a tile that is not picture.
  footer: number;
  // Width by height of the pictures' boxes.
  aspect: number;
  minTile: number;
}

// The columns that make the tiles largest with all of them in sight; where that would make them too small, as many
// columns as are readable, and the page scrolls.
export function planGrid(count: number, space: GridSpace): GridPlan {
  const { width, height, gap, footer, aspect, minTile } = space;
  let best: GridPlan = { columns: 1, tileWidth: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows - footer) * aspect;
    const tileWidth = Math.floor(Math.min(byWidth, byHeight));
    if (tileWidth > best.tileWidth) best = { columns, tileWidth };
  }
  const smallest = Math.min(minTile, width);
  if (best.tileWidth >= smallest) return best;
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (smallest + gap))));
  return { columns, tileWidth: Math.floor((width - gap * (columns - 1)) / columns) };
}

// How wide a picture of that aspect is, before it is turned, when it fits into the box after.
export function shownWidth(box: { width: number; height: number }, aspect: number, rotation: Rotation): number {
  const [width, height] = isSideways(rotation) ? [box.height, box.width] : [box.width, box.height];
  return Math.min(width, height * aspect);
}

const even = (value: number) => Math.max(2, Math.round(value / 2) * 2);

// The reduced size to ask the server for when the picture is shown that many device pixels wide, as "640x360"; undefined
// for the camera's own. Halves and quarters only: few renditions, shared by many viewers, and the cheapest for the server.
export function wantedSize(camera: { width: number; height: number }, shownPixels: number): string | undefined {
  if (camera.width <= 0 || camera.height <= 0 || shownPixels <= 0) return undefined;
  const scale = [1 / 4, 1 / 2].find((factor) => camera.width * factor >= shownPixels * 0.85);
  if (!scale || camera.width * scale < 160) return undefined;
  return `${even(camera.width * scale)}x${even(camera.height * scale)}`;
}
