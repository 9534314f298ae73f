/** Layers as a person writes them. Pure. */

/** `1, 4-5`: null for empty or `auto`; a sentence where it cannot be read. */
export function readLayers(text: string, count?: number): readonly number[] | null | string {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === '' || trimmed === 'auto') return null;
  const found = new Set<number>();
  for (const part of trimmed.split(/[,;\s]+/).filter((one) => one !== '')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!range) return `“${part}” is not a layer: write them as 1, 4-5, or leave the field empty.`;
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    if (to < from) return `“${part}” goes backwards.`;
    if (count !== undefined && to >= count) return `The model has layers 0 to ${count - 1}: there is no layer ${to}.`;
    for (let layer = from; layer <= to && found.size < 4096; layer += 1) found.add(layer);
  }
  return [...found].sort((a, b) => a - b);
}

/** 1, 4, 5, 6 as `1, 4-6`. */
export function writeLayers(layers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < layers.length; at += 1) {
    const from = layers[at] ?? 0;
    let to = from;
    while (layers[at + 1] === to + 1) {
      at += 1;
      to += 1;
    }
    parts.push(from === to ? String(from) : `${from}-${to}`);
  }
  return parts.join(', ');
}
