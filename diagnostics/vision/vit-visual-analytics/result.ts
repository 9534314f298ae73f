/** The result of the analysis `vit-visual-analytics`, and its schema. */
import { storedProbeSchema } from './probe';
import { importance } from './importance';
import { pruneCurve } from './pruning';
import type { Output, Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import { metrics } from './metrics';

const parts = ['probe', 'ranking', 'held out'] as const;

type Row = readonly number[];

const figures: Schema<Row> = list(figure, 'a list of numbers');
const rows: Schema<readonly Row[]> = list(figures, 'a list of rows');
const perHeadRows: Schema<readonly (readonly Row[])[]> = list(
  list(figures, 'a list of heads', { most: mostHeads }),
  'a list of layers',
  { most: mostLayers },
);
/** The whole model's score on the pictures of the ranking or on the held-out ones. */
const score = object({
  pictures: whole,
  accuracy: figure,
  low: figure,
  high: figure,
  probability: figure,
});
export type PlainScore = Output<typeof score>;

const table = figuresPerHead;

/** [layers][heads][rings or patches] where three deep (strength.ts has the definitions). */
const strength = object({
  pictures: count,
  mass: perHeadRows,
  perPatch: perHeadRows,
  lead: table,
  distance: table,
  local: table,
  entropy: table,
  across: table,
  down: table,
  /** What attention that gives every key the same would have. */
  uniform: object({
    mass: figures,
    perPatch: figures,
    lead: figure,
    distance: figure,
    local: figure,
    entropy: figure,
  }),
  /** [layers][rings]: mean of S(k) over heads, and one deviation to each side. */
  trend: object({ mean: rows, low: rows, high: rows }),
});
export type Strength = Output<typeof strength>;

const patternGroup = object({
  /** Share of all attention maps. */
  share: figure,
  /** The anchor whose latent is nearest to the centre. */
  anchor: text,
  /** [cells][cells]: the decoded centre as attention. */
  centre: rows,
});
export type PatternGroup = Output<typeof patternGroup>;

const patterns = object({
  pictures: count,
  maps: count,
  cells: object({ rows: count, columns: count }),
  steps: whole,
  /** Mean squared error on maps of pictures that were not trained on, and of as many principal components. */
  error: figure,
  componentError: figure,
  /** Over latents. */
  silhouette: figure,
  groups: list(patternGroup, 'a list of groups', { most: 64 }),
  /** [layers][heads][groups]: share of the maps of a head in each group. */
  signatures: perHeadRows,
  /** Group of heads with signatures alike. */
  headGroup: table,
  headSilhouette: figure,
  /** Along two principal components of the latents: the mean of each head, and the anchors. */
  x: table,
  y: table,
  shares: figures,
  anchors: list(object({ name: text, x: figure, y: figure }), 'a list of anchors'),
});
export type Patterns = Output<typeof patterns>;

const pictureResult = object({
  name: text,
  label: text,
  predicted: text,
  /** Probability of its class, whole model. */
  probability: figure,
  /** What the picture served for. */
  part: oneOf(parts),
  /** By head: drop of the probability of its class; empty of pictures on which heads are not ranked. */
  drops: list(figure, 'a list of heads', { most: mostHeadsInAll }),
});
export type PictureResult = Output<typeof pictureResult>;

const classResult = object({
  name: text,
  /** Pictures on which heads are ranked. */
  pictures: whole,
  accuracy: figure,
  /** Mean drop of the probability of the class. */
  drops: table,
});
export type ClassResult = Output<typeof classResult>;

export const vitResult = object({
  reader: oneOf(['classifier', 'probe']),
  classes: texts,
  grid: object({ rows: count, columns: count, leading: whole }),
  notes: texts,
  /** Where a probe names the classes. */
  probe: optional(storedProbeSchema),
  pictures: list(pictureResult, 'a list of pictures'),
  ranked: optional(score),
  heldOut: optional(score),
  importance: optional(list(importance, 'a list of metrics')),
  byClass: optional(list(classResult, 'a list of classes')),
  /** Spearman's rank correlation over heads, [metrics][metrics]; NaN where one is the same for all heads. */
  agreement: optional(rows),
  curves: optional(list(pruneCurve, 'a list of curves')),
  strength: optional(strength),
  patterns: optional(patterns),
  /** By which the pruned heads are chosen, and their share. */
  metric: oneOf(metrics),
  share: figure,
});
export type VitResult = Output<typeof vitResult>;
