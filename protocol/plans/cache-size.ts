import { bytesInWords } from '../wire/words';

/** Keys and values of a text that is decoded, in all layers. */
export interface CacheSize {
  /** Bytes of what is held: 8 d for each position of a key/value head, the mean of dropped ones counted as one (`planBytes`). */
  readonly bytes: number;
  /** Bytes of everything that the model without a plan may read. */
  readonly bytesFull: number;
  /** Bytes of the buffers, which have room to grow. */
  readonly allocated: number;
  /**
   * Layers whose heads drop positions by masks, with everything held: where rows go through the graphs of the blocks (another
   * device, score biases and other changes of the rows), and where heads read means in a layer with a window or soft capping.
   */
  readonly maskedLayers: number;
}

/** Under a plan. */
export function cacheWords({ bytes, bytesFull, maskedLayers }: CacheSize): string {
  const held = `The caches hold ${bytesInWords(bytes)} of ${bytesInWords(bytesFull)}.`;
  if (maskedLayers === 0) return held;
  const [layers, drop] = maskedLayers === 1 ? ['1 layer holds', 'drops'] : [`${maskedLayers} layers hold`, 'drop'];
  return `${held} ${layers} all positions and ${drop} them by masks: the same numbers, without the saving.`;
}
