/** The analysis `activation-patching`: which heads, MLPs and positions carry what makes two prompts differ. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { Analysis, AnalysisJob, Step, Support } from '../../analysis';
import { pairGap, requireGap } from '../../shared/effects/gap';
import { measures } from '../../shared/effects/metric';
import { outputBytes, sizesOf } from '../../shared/effects/outputs';
import { measured } from '../../shared/effects/subjects';
import { headCount } from '../../shared/effects/parts';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { ask } from './ask';
import { columnsOf, longestByPosition, placesOf } from '../../shared/effects/columns';
import { compare } from './compare';
import type { Measured } from '../../shared/effects/patch-effects';
import { finding } from './finding';
import { resultOf, type About } from './summary';
import { pairsOf, type Pair } from '../../shared/effects/pairs';
import { isPerHead, patchingTable, stackOf, targetOf, type PatchingParameters } from './parameters';
import {
  cellsOf,
  patchOf,
  patched,
  patchedFacts,
  patchedText,
  runOf,
  sourceOf,
  type Cell,
  type Patching,
} from './patches';
import { patchingResult, type PatchingResult } from './result';
import { sections } from './sections';
import { mean } from '../../../kernels/tensors/vectors';

export const activationPatching: Analysis<PatchingParameters, PatchingResult> = {
  id: 'activation-patching',
  title: 'Activation patching',
  question: 'Which heads, MLPs and positions carry what makes the model answer so?',
  group: 'circuits',
  source: {
    reference:
      'arXiv:2211.00593 (prompts and counterparts); arXiv:2309.16042 (metrics); arXiv:2404.15255 (denoising and noising)',
    trust: 'medium',
    note: 'The effect is a ratio of means over prompts. Random pairs, intervals and their correction are choices of Headscope.',
  },
  inputs: ['task', 'prompt-pair'],
  sources: 'also',
  exactWeights: true,
  parameters: patchingTable,
  result: patchingResult,
  recurrent: true,
  supports: (facts, parameters) => sitesIn(facts, parameters) ?? measures(facts, parameters),
  estimate(facts, { prompts, task }, { site, columns, nullPairs }) {
    const runs = task ? task.samples.map(({ prompt }) => prompt) : prompts.slice(0, 1);
    const longest = Math.max(0, ...runs.map(({ ids }) => ids.length));
    const roles = 1 + Object.keys(task?.task.roles ?? {}).length;
    const byRole = columns === 'roles' || (columns === 'usual' && task !== undefined && longest > longestByPosition);
    const width = columns === 'whole' ? 1 : byRole ? roles : longest;
    const cells =
      stackOf(site) === 'encoder'
        ? headCount(facts.sourceBlocks ?? [])
        : facts.blocks.reduce(
            (sum, _, layer) => sum + (isPerHead(site) ? sizesOf(facts, targetOf[site], layer).slots : width),
            0,
          );
    const sources = nullPairs && task ? 2 : 1;
    return { passes: runs.length * (3 + sources * (cells + 1)), bytes: outputBytes(facts, [targetOf[site]], longest) };
  },
  run: patches,
  ask,
  finding,
  sections,
  compare,
};

/** Refuses a site that the model does not have. */
const sitesIn = ({ sourceBlocks, blocks }: ModelFacts, { site }: PatchingParameters): Support | undefined =>
  site === 'state-head-output' && !blocks.some(({ heads, state }) => heads > 0 && state)
    ? {
        ok: false,
        why: 'No layer of this model has a recurrence beside its attention. Choose head-output, which names the heads of the recurrence in layers without attention.',
      }
    : stackOf(site) === undefined || sourceBlocks
      ? undefined
      : {
          ok: false,
          why: 'This model reads one text, so it has neither cross-attention nor a separate encoder. Choose head-output.',
        };

async function* patches(
  model: ModelRunner,
  job: AnalysisJob<PatchingParameters>,
): AsyncGenerator<Step<PatchingResult>, PatchingResult> {
  const { parameters, variant, seed, step } = job;
  const { site, direction, nullPairs } = parameters;
  const { pairs: all, metric, lacking, answers } = await pairsOf(model, job);
  const { columns, pairs } = isPerHead(site) ? { columns: [], pairs: all } : columnsOf(all, parameters.columns);
  const facts = patchedFacts(model, site);
  const texts = all.map((pair) => patchedText(model, site, pair));
  const places = isPerHead(site) ? placesOf(parameters.at, texts) : undefined;
  const patching: Patching = { site, direction, metric, variant, columns, places };
  const leftOut = lacking + all.length - pairs.length;
  const about: About = {
    ...(leftOut > 0 ? { leftOut } : {}),
    ...(answers ? { answers } : {}),
    ...(places ? { at: parameters.at } : {}),
  };
  const cells = cellsOf(facts, patching);
  const others = nullPairs ? randomSources(pairs, patching, seed) : [];
  const runs = pairs.length + others.filter((other) => other !== undefined).length;
  const total = runs * cells.length;
  const patchesOf = (some: readonly Cell[], pair: Pair) => some.map((cell) => patchOf(cell, pair, patching));
  const found: Measured[] = [];
  let done = 0;
  let partial: PatchingResult | undefined;
  const stage = (name: string): Step<PatchingResult> => ({
    sentence: `Patching: ${name}`,
    done,
    total,
    ...(partial ? { partial } : {}),
  });
  yield stage('clean and corrupted prompts');
  // Both ends of every pair before anything is patched: what is patched would be a share of nothing.
  const ends = await step('clean and corrupted', async () => {
    const levels: (readonly [clean: number, corrupted: number])[] = [];
    for (const pair of pairs) {
      const of = async (sequence: Sequence) =>
        (await measured(model, sequence, pair, metric, [variant]))[0]?.[0] ?? Number.NaN;
      levels.push([await of(pair.clean), await of(pair.corrupted)]);
    }
    return levels;
  });
  requireGap(mean(ends.map(([clean, corrupted]) => clean - corrupted)), parameters.leastGap, metric, pairGap);
  for (const [at, pair] of pairs.entries()) {
    const source = sourceOf(pair, direction);
    // One prompt may be long: it can be left between two layers. Of a task each prompt is a step.
    const groups =
      pairs.length > 1
        ? [{ name: `prompt ${at + 1} of ${pairs.length}`, some: cells }]
        : facts.blocks.map((_, layer) => ({
            name: `layer ${layer + 1} of ${facts.blocks.length}`,
            some: cells.filter((cell) => cell.layer === layer),
          }));
    const own: number[] = [];
    const [before] = [found.length];
    for (const { name, some } of groups) {
      yield stage(name);
      const { plain, values } = await step(`prompt ${at}, ${name}`, () =>
        patched(model, pair, source, patchesOf(some, pair), patching),
      );
      own.push(...values);
      done += some.length;
      const [clean = Number.NaN, corrupted = Number.NaN] = ends[at] ?? [];
      // The unpatched run of the batch that the patched ones are in, so that rounding is the same.
      found[before] = {
        ...(direction === 'denoise' ? { clean, corrupted: plain } : { clean: plain, corrupted }),
        patched: own,
      };
      partial = resultOf(facts, patching, found, about);
    }
    const other = others[at];
    const measuredPair = found[before];
    if (!other || !measuredPair) continue;
    yield stage(`random pair ${at + 1} of ${pairs.length}`);
    const { values } = await step(`prompt ${at}, random pair`, () =>
      patched(model, pair, other, patchesOf(cells, pair), patching),
    );
    done += cells.length;
    found[before] = { ...measuredPair, random: values };
    partial = resultOf(facts, patching, found, about);
  }
  return resultOf(facts, patching, found, about);
}

/** For each pair the run of another one, of as many tokens, that its values are taken from; undefined where there is none. */
function randomSources(
  pairs: readonly Pair[],
  { direction }: Patching,
  seed: number,
): readonly (Sequence | undefined)[] {
  const drawn = random(seedFor(seed, 'random pairs'));
  return pairs.map((pair, at) => {
    const { length } = runOf(pair, direction).ids;
    const others = pairs.filter((other, to) => to !== at && other.clean.ids.length === length);
    const other = others[drawn.whole(Math.max(1, others.length))];
    return other && sourceOf(other, direction);
  });
}
