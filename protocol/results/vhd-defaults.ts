/** What the measurement of vision-aware heads takes where nothing is chosen (arXiv 2412.13949, and its released code). */

/** Layer 1 and the last ceil(14/32 L): the released choice for 32 layers, scaled by depth. */
export function defaultLayers(count: number): readonly number[] {
  const last = Math.ceil((14 / 32) * count);
  return Array.from({ length: count }, (_, layer) => layer).filter((layer) => layer === 1 || layer >= count - last);
}

export const defaultLayersWords = 'layer 1 and the last ceil(14/32 L)';
