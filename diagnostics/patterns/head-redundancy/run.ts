/** Maps layer by layer; then runs without each head and with each alone; then heads taken away one after the other. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { AnalysisJob, Step } from '../../analysis';
import { changeOf, outputsOf, type Outputs } from '../../shared/maps/changed-output';
import { layerMaps, readableKeys } from '../../shared/maps/layer-maps';
import type { ModelRunner } from '../../model-runner/model-runner';
import { bestAlone, pruningOrder, savedShare } from './pruning';
import type { HeadRedundancyResult, PruningStep } from './result';
import { cosines, dealt, meanPair } from './similarity';

export type HeadRedundancyParameters = { readonly effects: boolean; readonly budget: number };

/** Variants side by side: each holds the logits of all rows. */
const together = 4;

interface LayerSimilarity {
  readonly table: readonly (readonly number[])[];
  readonly chance: number;
}

interface LayerEffects {
  readonly without: readonly number[];
  readonly alone: readonly number[];
}

interface Known {
  readonly similarity: readonly LayerSimilarity[];
  readonly effects: readonly LayerEffects[];
  readonly plan: readonly PruningStep[];
  readonly keptJoint: number;
}

export async function* headRedundancyRun(
  model: ModelRunner,
  { input, parameters, variant, groups, seed, step }: AnalysisJob<HeadRedundancyParameters>,
): AsyncGenerator<Step<HeadRedundancyResult>, HeadRedundancyResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const { blocks } = model.facts;
  const sequence = { ...prompt, groups };
  const n = prompt.ids.length;
  const similarity: LayerSimilarity[] = [];
  const effects: LayerEffects[] = [];
  const plan: PruningStep[] = [];
  const result = (keptJoint = Number.NaN): HeadRedundancyResult =>
    gathered(model, n, parameters, { similarity, effects, plan, keptJoint });
  const order = blocks.reduce((sum, { heads }) => sum + heads - 1, 0);
  const total = blocks.length * (parameters.effects ? 2 : 1) + (parameters.effects ? order + 1 : 0);

  for (const [layer, block] of blocks.entries()) {
    const partial = layer > 0 ? { partial: result() } : {};
    yield { sentence: `Maps of layer ${layer} of ${blocks.length}`, done: layer, total, ...partial };
    similarity.push(
      await step(`maps of layer ${layer}`, async () => {
        const maps = await layerMaps(model, sequence, variant, layer);
        const others = dealt(maps, n, (row) => readableKeys(block, prompt, row), seed);
        return { table: cosines(maps), chance: meanPair(cosines(maps, others)) };
      }),
    );
  }
  if (!parameters.effects) return result();

  let plain: Outputs | undefined;
  const changes = async (lists: readonly (readonly HeadPlace[])[]): Promise<readonly number[]> => {
    const found: number[] = [];
    for (let from = 0; from < lists.length; from += together) {
      const variants = lists.slice(from, from + together).map((gone) => removed(variant, gone));
      const [whole, ...outputs] = plain
        ? [plain, ...(await outputsOf(model, sequence, variants, 'all'))]
        : await outputsOf(model, sequence, [variant, ...variants], 'all');
      if (!whole) throw new RangeError('the run gave nothing');
      plain = whole;
      for (const other of outputs) found.push(changeOf(whole, other, n));
    }
    return found;
  };
  let done = blocks.length;
  for (const [layer, { heads }] of blocks.entries()) {
    yield { sentence: `Without heads of layer ${layer} of ${blocks.length}`, done, total, partial: result() };
    const all = Array.from({ length: heads }, (_, head) => ({ layer, head }));
    effects.push(
      await step(`without heads of layer ${layer}`, async () => ({
        without: await changes(all.map((place) => [place])),
        alone: await changes(all.map(({ head }) => all.filter((other) => other.head !== head))),
      })),
    );
    done += 1;
  }
  const gone: HeadPlace[] = [];
  for (const place of pruningOrder(effects.map(({ without }) => without))) {
    yield { sentence: `Taking away L${place.layer}H${place.head}`, done, total, partial: result() };
    const next = [...gone, place];
    const [joint = Number.NaN] = await step(`taking away ${next.length}`, () => changes([next]));
    done += 1;
    if (!(joint <= parameters.budget)) break;
    gone.push(place);
    const alone = effects[place.layer]?.without[place.head] ?? Number.NaN;
    plan.push({ ...place, alone, joint, saved: savedShare(model.facts, n, gone) });
  }
  yield { sentence: 'One head in each layer', done, total, partial: result() };
  const kept = othersOf(model, bestAlone(effects.map(({ alone }) => alone)));
  const [keptJoint = Number.NaN] = await step('one head in each layer', () => changes([kept]));
  return result(keptJoint);
}

const removed = (variant: Variant, gone: readonly HeadPlace[]): Variant => [...variant, ...gainsOf(gone, 0)];

/** All heads but one of each layer. */
const othersOf = ({ facts }: ModelRunner, kept: readonly number[]): readonly HeadPlace[] =>
  kept.flatMap((one, layer) =>
    Array.from({ length: facts.blocks[layer]?.heads ?? 0 }, (_, head) => ({ layer, head })).filter(
      ({ head }) => head !== one,
    ),
  );

function gathered(
  model: ModelRunner,
  n: number,
  { effects: measured, budget }: HeadRedundancyParameters,
  { similarity, effects, plan, keptJoint }: Known,
): HeadRedundancyResult {
  const { blocks } = model.facts;
  const perHead = (of: (layer: number, head: number) => number | undefined): number[][] =>
    blocks.map(({ heads }, layer) => Array.from({ length: heads }, (_, head) => of(layer, head) ?? Number.NaN));
  const others = (layer: number, head: number): readonly { readonly value: number; readonly head: number }[] =>
    (similarity[layer]?.table[head] ?? []).map((value, at) => ({ value, head: at })).filter((one) => one.head !== head);
  const nearest = (layer: number, head: number) =>
    others(layer, head).reduce<{ readonly value: number; readonly head: number } | undefined>(
      (best, one) => (best && best.value >= one.value ? best : one),
      undefined,
    );
  const kept = effects.length === blocks.length ? bestAlone(effects.map(({ alone }) => alone)) : [];
  return {
    rows: n,
    measure: model.facts.predicts ? 'divergence' : 'turn',
    similarity: similarity.map(({ table }) => table),
    layerMean: similarity.map(({ table }) => meanPair(table)),
    layerChance: similarity.map(({ chance }) => chance),
    mean: perHead((layer, head) => {
      const all = others(layer, head);
      return all.reduce((sum, { value }) => sum + value, 0) / all.length;
    }),
    nearest: perHead((layer, head) => nearest(layer, head)?.value),
    nearestHead: perHead((layer, head) => nearest(layer, head)?.head),
    measured,
    without: perHead((layer, head) => effects[layer]?.without[head]),
    alone: perHead((layer, head) => effects[layer]?.alone[head]),
    budget,
    plan,
    kept,
    keptJoint,
    keptSaved: kept.length > 0 ? savedShare(model.facts, n, othersOf(model, kept)) : Number.NaN,
  };
}
