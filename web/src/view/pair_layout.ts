// Where the two pictures of the two-up view go. Pure.
export interface PairSpace {
  width: number;
  height: number;
  // Between the pictures; negative overlaps them.
  gap: number;
  // Height of the line below each picture.
  caption: number;
  // Of the left (upper) and the right (lower) picture, as turned.
  aspects: [number, number];
}

export interface PairPlan {
  stacked: boolean;
  sizes: [{ width: number; height: number }, { width: number; height: number }];
}

// Equal heights side by side; equal widths one above the other, when that shows more (a phone held upright).
export function planPair(space: PairSpace): PairPlan {
  const beside = besideHeight(space);
  const stackedWidth = aboveWidth(space);
  const [a, b] = space.aspects;
  const besideArea = beside * beside * (a + b);
  const aboveArea = stackedWidth * stackedWidth * (1 / a + 1 / b);
  const stacked = space.width < space.height && aboveArea > besideArea;
  const size = (aspect: number) =>
    stacked
      ? { width: Math.floor(stackedWidth), height: Math.floor(stackedWidth / aspect) }
      : { width: Math.floor(beside * aspect), height: Math.floor(beside) };
  return { stacked, sizes: [size(a), size(b)] };
}

function besideHeight({ width, height, gap, caption, aspects: [a, b] }: PairSpace): number {
  return Math.max(0, Math.min(height - caption, (width - gap) / (a + b)));
}

function aboveWidth({ width, height, gap, caption, aspects: [a, b] }: PairSpace): number {
  return Math.max(0, Math.min(width, (height - gap - 2 * caption) / (1 / a + 1 / b)));
}
