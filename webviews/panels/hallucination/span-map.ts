/** What the selected head or set reads from each token of the removed text. Pure. */
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { mapHeads } from './shown';
import type { State } from './state';

export interface SpanToken {
  /** Position in the prompt, from 0. */
  readonly position: number;
  readonly text: string;
  /** Share of the attention of the query; undefined while the map is not there. */
  readonly share: number | undefined;
}

/** The tokens of the part that the second pass lacks; none for a picture. */
export function spanTokens(
  { removed, promptTokens }: Pick<HallucinationResult, 'removed' | 'promptTokens'>,
  map: Float32Array | undefined,
): readonly SpanToken[] {
  if (removed.kind !== 'span') return [];
  return promptTokens
    .slice(removed.start, removed.end)
    .map((text, at) => ({ position: removed.start + at, text, share: map?.[at] }));
}

/** For machines: what the heads of the map read from each image token, or token of the part; nothing without a map. */
export function mapData(state: State): object {
  const { result, map, token } = state;
  if (!result || !map?.value) return {};
  const of = { token, heads: mapHeads(state) };
  if (result.removed.kind === 'span') return { spanMap: { ...of, shares: spanTokens(result, map.value) } };
  return result.image ? { imageMap: { ...of, shares: [...map.value] } } : {};
}
