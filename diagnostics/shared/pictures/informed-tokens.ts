/** The informed tokens of a prompt with a picture, and the interventions that raise the attention on them (PAINT, arXiv:2501.12206). */
import type { Emphasis } from '../../../protocol/interventions/emphasis';
import type { Range } from '../../../protocol/schema/written-form';
import type { WhichHeads } from '../../../protocol/interventions/which';
import { refusal } from '../../../protocol/wire/failures';
import { layerMaps } from '../maps/layer-maps';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { patchGrid } from '../../model-runner/regions';
import {
  cellScores,
  chosenTokens,
  classScores,
  receivedScores,
  type ChosenTokens,
  type EncoderMaps,
  type Ratios,
  type Scores,
} from './token-scores';

export interface TokenScores {
  readonly scores: Scores;
  /** Rows of the prompt of the tokens of the whole picture, [rows x columns]. */
  readonly at: readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** What the paper leaves open for this encoder or picture, as sentences. */
  readonly notes: readonly string[];
}

const withoutClass =
  'The encoder has no class row: local and summary tokens are those that receive most attention from the patches (a choice of Headscope).';
const severalTiles =
  'The picture is cut into tiles: tokens are chosen in the one that shows the whole picture, and those of the others stay as they are (a choice of Headscope).';
const joinedPatches =
  'One token stands for several patches of the encoder: its score is the sum of theirs (a choice of Headscope).';
const joinedTiles = (count: number): string => `${severalTiles} ${count} tokens are in other tiles.`;

/** Scores of the picture's tokens; the encoder is run up to its second last layer. */
export async function tokenScores(model: ModelRunner, prompt: Prompt): Promise<TokenScores> {
  const { image } = prompt;
  const grid = patchGrid(prompt);
  const encoder = model.encoder();
  if (!encoder || !image || !grid) {
    throw refusal('The prompt has no picture. Give one to a vision-language model.');
  }
  const patches = await wholePicture(encoder, image);
  const [tile] = patches.image?.tiles ?? [];
  if (!patches.image || !tile) throw new RangeError('the encoder gave no patches');
  const [n, leading] = [patches.ids.length, patches.image.start];
  const { blocks } = encoder.facts;
  const mapsOf = async (layer: number): Promise<EncoderMaps> => ({
    maps: await layerMaps(encoder, patches, [], layer),
    n,
    leading,
  });
  const read = leading > 0 ? classScores : receivedScores;
  const cells = (scores: readonly number[]): readonly number[] => cellScores(scores, tile.columns, grid);
  const first = await mapsOf(0);
  const [local, spatial] = [cells(read(first)), cells(receivedScores(first))];
  const summary = cells(read(await mapsOf(Math.max(0, blocks.length - 2))));
  const others = image.tokens - grid.at.length;
  return {
    scores: { local, summary, spatial },
    ...grid,
    notes: [
      ...(leading > 0 ? [] : [withoutClass]),
      ...(tile.columns === grid.columns ? [] : [joinedPatches]),
      ...(image.tiles.length > 1 ? [joinedTiles(others)] : []),
    ],
  };
}

/** The tile that shows the whole picture: the first or, where the picture is split (Idefics3), the last. */
async function wholePicture(encoder: ModelRunner, { path, tiles }: NonNullable<Prompt['image']>): Promise<Prompt> {
  const [whole] = tiles;
  const first = await encoder.prompt({ kind: 'image', image: path });
  const [seen] = first.image?.tiles ?? [];
  const same = whole &&
    seen && [whole.x === seen.x, whole.y === seen.y, whole.width === seen.width, whole.height === seen.height];
  if (tiles.length === 1 || same?.every(Boolean)) return first;
  return encoder.prompt({ kind: 'image', image: path, tile: tiles.length - 1 });
}

/** Sets of tokens as rows of the prompt, rising. */
export interface InformedTokens extends ChosenTokens {
  readonly notes: readonly string[];
}

export function informedTokens({ scores, at, notes }: TokenScores, ratios: Ratios): InformedTokens {
  const sets = chosenTokens(scores, ratios);
  const rows = (cells: readonly number[]): readonly number[] =>
    cells.map((cell) => at[cell] ?? -1).sort((a, b) => a - b);
  return {
    local: rows(sets.local),
    summary: rows(sets.summary),
    spatial: rows(sets.spatial),
    top: rows(sets.top),
    bottom: rows(sets.bottom),
    notes,
  };
}

export interface Strength {
  /** On local and spatial tokens that are not summary. */
  readonly alpha: number;
  /** On summary tokens. */
  readonly beta: number;
  readonly layers: readonly number[];
  /** [layers of the model][heads]: factor on alpha and beta (`sensitivityWeights`); absent: all heads alike. */
  readonly weights?: readonly (readonly number[])[];
}

/** z + alpha |z| on `top`, z + beta |z| on `bottom`, in the last row of the prompt and behind it. */
export function emphasisOf(
  { top, bottom }: Pick<ChosenTokens, 'top' | 'bottom'>,
  { alpha, beta, layers, weights }: Strength,
): readonly Emphasis[] {
  return [...emphases(top, alpha, layers, weights), ...emphases(bottom, beta, layers, weights)];
}

function emphases(
  rows: readonly number[],
  factor: number,
  layers: readonly number[],
  weights: Strength['weights'],
): readonly Emphasis[] {
  if (rows.length === 0 || factor === 0 || layers.length === 0) return [];
  const keys = rangesOf(rows);
  if (!weights) {
    return [{ kind: 'emphasis', heads: layers.map((layer): WhichHeads => ({ layer, head: 'all' })), keys, factor }];
  }
  return layers.flatMap((layer) =>
    (weights[layer] ?? []).flatMap((weight, head): Emphasis[] =>
      weight === 0 ? [] : [{ kind: 'emphasis', heads: [{ layer, head }], keys, factor: factor * weight }],
    ),
  );
}

/** Rising rows as ranges. */
export function rangesOf(rows: readonly number[]): readonly Range[] {
  const ranges: { start: number; end: number }[] = [];
  for (const row of rows) {
    const last = ranges.at(-1);
    if (last?.end === row) last.end += 1;
    else ranges.push({ start: row, end: row + 1 });
  }
  return ranges;
}

/**
 * w = s / max s over the heads of a layer, where s is the mean attention of a head on the picture, [layers][heads]: heads that look
 * at the picture are raised most. The abstract of the paper names a modulation by visual sensitivity without a formula, and the
 * released code has none; this one is a choice of Headscope.
 */
export const sensitivityWeights = (sensitivity: readonly (readonly number[])[]): readonly (readonly number[])[] =>
  sensitivity.map((heads) => {
    const most = Math.max(...heads);
    return heads.map((s) => (most > 0 ? s / most : 0));
  });

/** The layers that the release changes, all from the third on; fails where the model has fewer. */
export function usualLayers(count: number): readonly number[] {
  if (count < 3) {
    throw refusal(
      `The model has ${count} ${count === 1 ? 'layer' : 'layers'}, and usually those from 2 on are changed. Name some.`,
    );
  }
  return Array.from({ length: count - 2 }, (_, at) => at + 2);
}
