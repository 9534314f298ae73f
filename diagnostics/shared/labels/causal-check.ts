/**
 * What labelled heads are worth: the change of the mean next-token loss when their output is removed (gain 0), each head alone
 * and all heads of a label at once. One induction head of several can be missed without loss, because the others do its work:
 * only the whole class shows what they do together.
 *
 * Measured twice: on the second half of a repeated random sequence, which no knowledge of language predicts, and on the
 * prompt of the run, over all tokens but its first (and but those that stand for a picture, which no model predicts). Loss:
 * mean of -ln of the probability of the next token, in nats a token; change: without the heads less with them.
 *
 * Both losses are those of the model under the interventions of the run, under which the heads were measured. A head that
 * these have at 0 already cannot be removed once more: it is counted (`alreadyOff`), and a set of such heads alone is not
 * measured.
 */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { CausalChange, ClassAblation, HeadClass } from '../../../protocol/results/heads-schema';
import { headsByLabel } from '../../../protocol/results/label-rules';
import type { ModelRunner } from '../../model-runner/model-runner';
import { predictedRows } from '../../model-runner/predicted-rows';
import type { Sequence } from '../../model-runner/sequence';
import type { LabelRun, LabelStage } from './label-run';
import { probeSettings } from './probe-runs';
import { repeatedSequence } from './probes';

/** Sets of heads removed side by side in one run. */
const mostSideBySide = 8;

/** Heads that are removed at once. */
type HeadSet = readonly HeadPlace[];

const keyOf = (heads: HeadSet): string => heads.map(({ layer, head }) => `${layer}.${head}`).join();

export interface CausalCheck {
  readonly classes: readonly HeadClass[];
  readonly ablations: readonly ClassAblation[];
}

/** Nothing is measured of a model that predicts no next token. */
export async function* causalCheck(
  model: ModelRunner,
  sequence: Sequence,
  classes: readonly HeadClass[],
  run: Pick<LabelRun, 'variant' | 'seed' | 'step'>,
): AsyncGenerator<LabelStage, CausalCheck> {
  if (!model.facts.predicts || classes.length === 0) return { classes, ablations: [] };
  const byLabel = headsByLabel(classes);
  const off = new Set(removedBy(run.variant).map((one) => keyOf([one])));
  const stillOn = (heads: HeadSet): HeadSet => heads.filter((one) => !off.has(keyOf([one])));
  const sets = new Map<string, HeadSet>();
  for (const heads of [...classes.map((one) => [one]), ...byLabel.map(({ heads }) => heads)].map(stillOn))
    if (heads.length > 0) sets.set(keyOf(heads), heads);

  const settings = probeSettings(model.facts, run.seed);
  const probe = settings && repeatedSequence(settings);
  const texts: Text[] = [
    ...(probe
      ? [
          {
            name: 'the random sequence',
            sequence: { ids: probe.ids, ...(sequence.source ? { source: sequence.source } : {}) },
            rows: probe.counted,
          },
        ]
      : []),
    { name: 'the prompt', sequence, rows: predictedRows(sequence) },
  ].filter(({ rows }) => rows.length > 0);
  const total = texts.reduce((sum, { sequence: { ids } }) => sum + (1 + sets.size) * ids.length, 0);
  let before = 0;
  const changes = new Map<string, ReadonlyMap<string, number>>();
  for (const text of sets.size > 0 ? texts : []) {
    const { length } = text.sequence.ids;
    const from = before;
    const standing = (variants: number) => ({ done: from + variants * length, total });
    changes.set(text.name, yield* lossChanges(model, text, sets, run, standing));
    before += (1 + sets.size) * length;
  }
  const changeOf = (heads: HeadSet): CausalChange => {
    const removed = stillOn(heads);
    const key = keyOf(removed);
    const prompt = changes.get('the prompt')?.get(key);
    const alreadyOff = heads.length - removed.length;
    return {
      lossChange: changes.get('the random sequence')?.get(key) ?? Number.NaN,
      on: 'repeated random sequence, second half',
      ...(prompt === undefined ? {} : { promptLossChange: prompt }),
      ...(alreadyOff === 0 ? {} : { alreadyOff }),
    };
  };
  return {
    classes: classes.map((each) => ({ ...each, causal: changeOf([each]) })),
    ablations: byLabel.map(({ label, heads }) => ({ label, heads: heads.length, ...changeOf(heads) })),
  };
}

/** Heads whose output a variant has at 0 or replaces: a gain does not act on an output that is replaced. */
const removedBy = (variant: Variant): HeadSet => [
  ...changesOf(variant, 'gain').filter(({ gain }) => gain === 0),
  ...changesOf(variant, 'replacement').flatMap(({ target, layer, head }) =>
    target === 'head' && head !== undefined ? [{ layer, head }] : [],
  ),
];

interface Text {
  readonly name: string;
  readonly sequence: Sequence;
  readonly rows: readonly number[];
}

/** By key of the set: mean loss at the rows without its heads, less that with them; both under the variant of the run. */
async function* lossChanges(
  model: ModelRunner,
  { name, sequence, rows }: Text,
  sets: ReadonlyMap<string, HeadSet>,
  { variant, step }: Pick<LabelRun, 'variant' | 'step'>,
  /** Where the run stands once so many variants are measured. */
  standing: (variants: number) => Pick<LabelStage, 'done' | 'total'>,
): AsyncGenerator<LabelStage, ReadonlyMap<string, number>> {
  yield { sentence: `Loss on ${name}`, ...standing(0) };
  const [withThem = Number.NaN] = await step(`loss on ${name}`, () => model.losses(sequence, rows, [variant]));
  const all = [...sets];
  const changes = new Map<string, number>();
  for (let first = 0; first < all.length; first += mostSideBySide) {
    const removed = all.slice(first, first + mostSideBySide);
    const sentence = `Removing labelled heads on ${name}: ${first} of ${all.length} sets measured`;
    yield { sentence, ...standing(1 + first) };
    const without = await step(`loss on ${name} without sets from ${first}`, () =>
      model.losses(
        sequence,
        rows,
        removed.map(([, heads]) => [...variant, ...gainsOf(heads, 0)]),
      ),
    );
    removed.forEach(([key], at) => changes.set(key, (without[at] ?? Number.NaN) - withThem));
  }
  return changes;
}
