/** The result of the analysis `vit-visual-analytics`, and its schema. */
import type { PerHead } from '../../../protocol/results/heads';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import { metrics, type Metric } from './metrics';
import type { StoredProbe } from './probe';
import type { PruneCurve } from './pruning';
import type { Importance } from './importance';

export interface PictureResult {
  readonly name: string;
  readonly label: string;
  readonly predicted: string;
  /** Probability of its class, whole model. */
  readonly probability: number;
  /** What the picture served for. */
  readonly part: (typeof parts)[number];
  /** By head: drop of the probability of its class; empty of pictures on which heads are not ranked. */
  readonly drops: readonly number[];
}

export const parts = ['probe', 'ranking', 'held out'] as const;

export interface ClassResult {
  readonly name: string;
  /** Pictures on which heads are ranked. */
  readonly pictures: number;
  readonly accuracy: number;
  /** Mean drop of the probability of the class. */
  readonly drops: PerHead;
}

/** Of the ranking and of the held-out pictures, whole model. */
export interface PlainScore {
  readonly pictures: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly probability: number;
}

type Row = readonly number[];

/** [layers][heads][rings or patches] where three deep (strength.ts has the definitions). */
export interface Strength {
  readonly pictures: number;
  readonly mass: readonly (readonly Row[])[];
  readonly perPatch: readonly (readonly Row[])[];
  readonly lead: PerHead;
  readonly distance: PerHead;
  readonly local: PerHead;
  readonly entropy: PerHead;
  readonly across: PerHead;
  readonly down: PerHead;
  /** Of attention that gives every key the same. */
  readonly uniform: {
    readonly mass: Row;
    readonly perPatch: Row;
    readonly lead: number;
    readonly distance: number;
    readonly local: number;
    readonly entropy: number;
  };
  /** [layers][rings]: mean of S(k) over heads, and one deviation to each side. */
  readonly trend: { readonly mean: readonly Row[]; readonly low: readonly Row[]; readonly high: readonly Row[] };
}

export interface PatternGroup {
  /** Share of all attention maps. */
  readonly share: number;
  /** The anchor whose latent is nearest to the centre. */
  readonly anchor: string;
  /** [cells][cells]: the decoded centre as attention. */
  readonly centre: readonly Row[];
}

export interface Patterns {
  readonly pictures: number;
  readonly maps: number;
  readonly cells: { readonly rows: number; readonly columns: number };
  readonly steps: number;
  /** Mean squared error on maps of pictures that were not trained on, and of as many principal components. */
  readonly error: number;
  readonly componentError: number;
  /** Over latents. */
  readonly silhouette: number;
  readonly groups: readonly PatternGroup[];
  /** [layers][heads][groups]: share of the maps of a head in each group. */
  readonly signatures: readonly (readonly Row[])[];
  /** Group of heads with signatures alike. */
  readonly headGroup: PerHead;
  readonly headSilhouette: number;
  /** Along two principal components of the latents: the mean of each head, and the anchors. */
  readonly x: PerHead;
  readonly y: PerHead;
  readonly shares: Row;
  readonly anchors: readonly { readonly name: string; readonly x: number; readonly y: number }[];
}

export interface VitResult extends Readonly<Record<string, unknown>> {
  readonly reader: 'classifier' | 'probe';
  readonly classes: readonly string[];
  readonly grid: { readonly rows: number; readonly columns: number; readonly leading: number };
  readonly notes: readonly string[];
  /** Where a probe names the classes. */
  readonly probe?: StoredProbe;
  readonly pictures: readonly PictureResult[];
  readonly ranked?: PlainScore;
  readonly heldOut?: PlainScore;
  readonly importance?: readonly Importance[];
  readonly byClass?: readonly ClassResult[];
  /** Spearman's rank correlation over heads, [metrics][metrics]; NaN where one is the same for all heads. */
  readonly agreement?: readonly Row[];
  readonly curves?: readonly PruneCurve[];
  readonly strength?: Strength;
  readonly patterns?: Patterns;
  /** By which the pruned heads are chosen, and their share. */
  readonly metric: Metric;
  readonly share: number;
}

const figures: Schema<Row> = list(figure, 'a list of numbers');
const rows: Schema<readonly Row[]> = list(figures, 'a list of rows');
const perHeadRows: Schema<readonly (readonly Row[])[]> = list(
  list(figures, 'a list of heads', { most: mostHeads }),
  'a list of layers',
  { most: mostLayers },
);
const score: Schema<PlainScore> = object<PlainScore>({
  pictures: whole,
  accuracy: figure,
  low: figure,
  high: figure,
  probability: figure,
});
const table = figuresPerHead;

const strength: Schema<Strength> = object<Strength>({
  pictures: count,
  mass: perHeadRows,
  perPatch: perHeadRows,
  lead: table,
  distance: table,
  local: table,
  entropy: table,
  across: table,
  down: table,
  uniform: object<Strength['uniform']>({
    mass: figures,
    perPatch: figures,
    lead: figure,
    distance: figure,
    local: figure,
    entropy: figure,
  }),
  trend: object<Strength['trend']>({ mean: rows, low: rows, high: rows }),
});

const patterns: Schema<Patterns> = object<Patterns>({
  pictures: count,
  maps: count,
  cells: object<Patterns['cells']>({ rows: count, columns: count }),
  steps: whole,
  error: figure,
  componentError: figure,
  silhouette: figure,
  groups: list(object<PatternGroup>({ share: figure, anchor: text, centre: rows }), 'a list of groups', { most: 64 }),
  signatures: perHeadRows,
  headGroup: table,
  headSilhouette: figure,
  x: table,
  y: table,
  shares: figures,
  anchors: list(object<Patterns['anchors'][number]>({ name: text, x: figure, y: figure }), 'a list of anchors'),
});

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = { readonly [K in keyof VitResult as string extends K ? never : K]: VitResult[K] };

export const vitResult: Schema<VitResult> = object<Named>({
  reader: oneOf(['classifier', 'probe']),
  classes: texts,
  grid: object<VitResult['grid']>({ rows: count, columns: count, leading: whole }),
  notes: texts,
  probe: optional(object<StoredProbe>({ weight: rows, bias: figures, mean: figures, scale: figures })),
  pictures: list(
    object<PictureResult>({
      name: text,
      label: text,
      predicted: text,
      probability: figure,
      part: oneOf(parts),
      drops: list(figure, 'a list of heads', { most: mostHeadsInAll }),
    }),
    'a list of pictures',
  ),
  ranked: optional(score),
  heldOut: optional(score),
  importance: optional(
    list(object<Importance>({ metric: oneOf(metrics), values: table, low: table, high: table }), 'a list of metrics'),
  ),
  byClass: optional(
    list(object<ClassResult>({ name: text, pictures: whole, accuracy: figure, drops: table }), 'a list of classes'),
  ),
  agreement: optional(rows),
  curves: optional(
    list(
      object<PruneCurve>({
        id: text,
        title: text,
        points: list(
          object<PruneCurve['points'][number]>({ pruned: whole, share: figure, accuracy: figure, probability: figure }),
          'a curve',
        ),
      }),
      'a list of curves',
    ),
  ),
  strength: optional(strength),
  patterns: optional(patterns),
  metric: oneOf(metrics),
  share: figure,
});
