/** What the layers of one part are, in words. Layers and heads are counted from 0, as in L2H5. */
import type { LayerFacts, ModelPartFacts } from '../../../protocol/language/requests';
import { count } from '../../ui/numbers';

/** How the query heads of a layer share keys and values. */
export interface Sharing {
  /** Query heads that read the same key/value head; 1 where each has its own. */
  readonly groupSize: number;
  /** Number of key/value heads, or 1 for the latent of MLA. */
  readonly groups: number;
  /** MLA: all heads expand one latent of the layer (arXiv:2405.04434, section 2.1). */
  readonly latent: boolean;
  /** The heads cannot be shared out evenly: the file is faulty. */
  readonly uneven: boolean;
}

/** Query heads that read keys: a layer with a recurrent state or without attention has none, whatever the file names. */
export const queryHeads = ({ kind, heads }: LayerFacts): number => (kind === 'linear' || kind === 'none' ? 0 : heads);

export function sharingOf(layer: LayerFacts, part: ModelPartFacts): Sharing {
  const heads = queryHeads(layer);
  const kvHeads = heads === 0 ? 0 : layer.kvHeads;
  const latent = part.attention === 'mla' && heads > 0;
  if (latent) return { groupSize: heads, groups: 1, latent, uneven: false };
  const even = kvHeads > 0 && kvHeads <= heads && heads % kvHeads === 0;
  return even
    ? { groupSize: heads / kvHeads, groups: kvHeads, latent, uneven: false }
    : { groupSize: 1, groups: heads, latent, uneven: heads > 0 && kvHeads > 0 };
}

/** `window of 4,096 tokens`, `full attention`, `linear (a recurrent state)`, `cross-attention`, `no attention`. */
export function kindWords({ kind, window, cross }: LayerFacts): string {
  const width = window === undefined ? '' : ` of ${count(window)} tokens`;
  switch (kind) {
    case 'full':
      return 'full attention';
    case 'window':
      return `window${width}`;
    case 'chunked':
      return `chunks${width}`;
    case 'linear':
      return 'linear (a recurrent state)';
    case 'none':
      return cross === true ? 'cross-attention' : 'no attention';
  }
}

export interface LayerRun {
  readonly first: number;
  readonly last: number;
  readonly layer: LayerFacts;
}

const alike = (a: LayerFacts, b: LayerFacts): boolean =>
  a.kind === b.kind &&
  a.cross === b.cross &&
  a.window === b.window &&
  a.heads === b.heads &&
  a.kvHeads === b.kvHeads &&
  a.hiddenSize === b.hiddenSize;

/** Neighbouring layers that are alike, in order. */
export function layerRuns(layers: readonly LayerFacts[]): readonly LayerRun[] {
  const runs: { first: number; last: number; layer: LayerFacts }[] = [];
  layers.forEach((layer, index) => {
    const run = runs.at(-1);
    if (run !== undefined && alike(run.layer, layer)) run.last = index;
    else runs.push({ first: index, last: index, layer });
  });
  return runs;
}

/** How many layers there are of each kind and width, in order of appearance. */
export function layerKinds(
  layers: readonly LayerFacts[],
): readonly { readonly layer: LayerFacts; readonly count: number }[] {
  const kinds = new Map<string, { layer: LayerFacts; count: number }>();
  for (const layer of layers) {
    const words = kindWords(layer);
    const known = kinds.get(words);
    if (known === undefined) kinds.set(words, { layer, count: 1 });
    else known.count += 1;
  }
  return [...kinds.values()];
}

/** `32`, or `16 to 40` where the layers differ. */
export function range(values: readonly number[]): string {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return low === high ? count(low) : `${count(low)} to ${count(high)}`;
}

const roles = { decoder: 'Decoder', encoder: 'Encoder', vision: 'Vision', audio: 'Audio' } as const;

export const partTitle = (part: ModelPartFacts): string =>
  part.path === '' || part.path === part.role ? roles[part.role] : `${roles[part.role]} (${part.path})`;

const attentions = {
  mha: 'Multi-head',
  mqa: 'Multi-query',
  gqa: 'Grouped-query',
  mla: 'Multi-head latent',
  none: 'None',
} as const;

/** `Grouped-query 4:1`. */
export function attentionTitle(part: ModelPartFacts): string {
  const title = attentions[part.attention];
  if (part.attention !== 'gqa' || part.kvHeads <= 0) return title;
  const even = part.heads % part.kvHeads === 0;
  return `${title} ${even ? `${part.heads / part.kvHeads}:1` : `${part.heads}:${part.kvHeads}`}`;
}

/** All that is known of one head, or of a layer without heads; said to screen readers and shown under the picture. */
export function headWords(part: ModelPartFacts, layerIndex: number, head: number | undefined): string {
  const layer = part.layers[layerIndex];
  if (layer === undefined) return '';
  const place = head === undefined ? `Layer ${layerIndex}` : `Layer ${layerIndex}, head ${head}`;
  const width = layer.hiddenSize === undefined ? '' : ` in a stream of ${count(layer.hiddenSize)}`;
  const words = `${kindWords(layer)}${width}`;
  if (head === undefined || queryHeads(layer) === 0) return `${place}: ${words}.`;
  return `${place}: ${words}; ${sharingWords(layer, part, head)}.`;
}

function sharingWords(layer: LayerFacts, part: ModelPartFacts, head: number): string {
  const { groupSize, groups, latent, uneven } = sharingOf(layer, part);
  if (uneven) return `${layer.heads} query heads cannot be shared out over ${layer.kvHeads} key/value heads`;
  if (latent) return `expands its keys and values from the latent that all ${layer.heads} heads of the layer share`;
  if (layer.kvHeads === 0) return `one of ${layer.heads} heads`;
  if (groupSize === 1) return `has key/value head ${head} to itself`;
  if (groups === 1) return `all ${layer.heads} heads share one key/value head`;
  const first = head - (head % groupSize);
  return `shares key/value head ${first / groupSize} with the others of heads ${first} to ${first + groupSize - 1}`;
}
