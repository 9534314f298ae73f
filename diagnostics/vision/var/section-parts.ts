/** What the sections and the finding share. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { ImageSection } from '../../../protocol/sections/image';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { VarResult } from './result';

export const sectionIds = { heads: 'heads', words: 'words' } as const;

export const isMeasured = (result: Partial<VarResult>): result is VarResult => (result.phi?.length ?? 0) > 0;

export const whatIsSeen = ({ image }: Pick<VarResult, 'image'>): string => (image ? 'picture' : 'span');

/** Numbers of the tokens of the picture, drawn over it; of a span along its tokens. */
export function overSeen(
  { image, tokens, seen, sinks, layers }: VarResult,
  words: Pick<ImageSection, 'id' | 'title' | 'caption'>,
  numbers: ImageSection['numbers'],
): ImageSection | TokensSection {
  if (image) return { kind: 'image', ...words, image, numbers };
  const everSink = new Set(layers.flatMap((layer) => sinks[layer] ?? []));
  return {
    kind: 'tokens',
    ...words,
    tokens: seen.map((row) => tokens[row] ?? ''),
    numbers,
    classes: { names: ['sink'], of: seen.map((_, at) => (everSink.has(at) ? 0 : -1)) },
  };
}

/** Heads whose last row is image-centric, in a layer in which something is moved. */
export function centricHeads({
  imageMass,
  besideSinks,
  least,
  ratio,
  layers,
  counts,
}: VarResult): readonly HeadPlace[] {
  return imageMass.flatMap((row, layer) =>
    layers.includes(layer) && (counts.visual[layer] ?? 0) > 0
      ? row.flatMap((mass, head) =>
          mass >= least && (besideSinks[layer]?.[head] ?? 0) >= ratio ? [{ layer, head }] : [],
        )
      : [],
  );
}
