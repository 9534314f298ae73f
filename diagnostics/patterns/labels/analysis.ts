/** The analysis `labels`: statistics of every head on a prompt, labels with their null models, and what labelled heads are worth. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { headStatisticNames } from '../../../protocol/results/heads';
import type { HeadStatistics } from '../../../protocol/results/heads-schema';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { Analysis } from '../../analysis';
import type { HeadNumbers } from '../../model-runner/head-numbers';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { LayerResult, RunResult } from '../../model-runner/run-request';
import { attentionMap } from '../../shared/sections/attention-map';
import { compare } from './compare';
import { finding, offers } from './finding';
import { labelHeads, requireAnywhere } from '../../shared/labels/label-heads';
import { usualNullSequences } from '../../shared/labels/label-run';
import { probeSettings, probeTokens } from '../../shared/labels/probe-runs';
import { labelsResult, type LabelsResult } from './result';
import { sections } from './sections';
import * as field from '../../../kernels/parameters';

type Parameters = { readonly causal: boolean; readonly nullSequences: number };

/** Share of the heads that have a label, as far as the length of a causal check is guessed before it is known. */
const guessedShare = 0.25;
/** Bytes of a key and its weight, and how many of them a query keeps of a head. */
const [topKeyBytes, topKeys] = [8, 4];

export const labels: Analysis<Parameters, LabelsResult> = {
  id: 'labels',
  title: 'Labels of heads',
  question: 'Which heads read the previous token, the first token, a repetition, a key; and are they needed?',
  group: 'patterns',
  source: {
    reference:
      'arXiv:1906.04341, section 3 (positions); arXiv:2309.17453 (sinks); arXiv:2209.11895 (induction, duplicate token); arXiv:2404.15574, section 2.1 (retrieval)',
    trust: 'medium',
    note: 'Null models, thresholds and the correction for the number of scores are choices of Headscope (docs/analyses/labels.md).',
  },
  inputs: ['prompt'],
  parameters: {
    causal: field.flag(
      'Causal check',
      'Remove labelled heads, each alone and all of a label at once, and measure the change of the loss.',
      false,
    ),
    nullSequences: field.integer(
      'Null sequences',
      'Random sequences for the null models of induction, duplicate token and retrieval.',
      { min: 3, max: 32, default: usualNullSequences },
    ),
  },
  result: labelsResult,
  supports: () => ({ ok: true }),
  estimate({ blocks, predicts, ...facts }, { prompts }, { causal, nullSequences }) {
    const settings = probeSettings({ blocks, predicts, ...facts }, 0);
    const heads = blocks.reduce((sum, block) => sum + block.heads, 0);
    const probes = settings ? 2 * (1 + nullSequences) : 0;
    const removed = causal && predicts ? (settings ? 2 : 1) * (1 + guessedSets(blocks)) : 0;
    const rows = Math.max(settings ? 2 * settings.period + 1 : 0, ...prompts.map(({ ids }) => ids.length));
    return { passes: 1 + probes + removed, bytes: heads * (settings ? rows * topKeys * topKeyBytes : 0) };
  },
  async *run(model, { input, parameters, variant, groups, seed, step }) {
    const [prompt] = input.prompts;
    if (!prompt) throw new RangeError('the analysis reads a prompt');
    requireAnywhere(variant);
    const { blocks } = model.facts;
    const tokens = prompt.ids.length;
    const settings = probeSettings(model.facts, seed);
    const ahead = settings ? (1 + parameters.nullSequences) * probeTokens(settings) : 0;
    const guessed = parameters.causal ? (1 + guessedSets(blocks)) * (tokens + (settings?.period ?? 0) * 2) : 0;
    let total = tokens + ahead + guessed;

    const measured: HeadNumbers[] = [];
    const layers = new Layers(() =>
      model.layers({ ...prompt, groups, variants: [variant], statistics: true, logits: 'none' }),
    );
    try {
      for (const layer of blocks.keys()) {
        yield {
          sentence: `Layer ${layer + 1} of ${blocks.length}`,
          done: (tokens * layer) / blocks.length,
          total,
          ...(layer > 0 ? { partial: { tokens, ...tablesOf(measured, blocks) } } : {}),
        };
        measured.push(await step(`layer ${layer}`, () => layers.statistics(layer)));
      }
    } finally {
      await layers.close();
    }
    const known = { tokens, ...tablesOf(measured, blocks) };
    yield { sentence: 'Labelling heads', done: tokens, total, partial: known };

    let [before, removing] = [tokens, false];
    const { causal, nullSequences } = parameters;
    const run = { variant, seed, causal, nullSequences, step };
    const labelling = labelHeads(model, { sequence: prompt, statistics: measured }, run);
    for (;;) {
      const stage = await labelling.next();
      if (stage.done) return { ...known, ...stage.value };
      const { sentence, done, labelled } = stage.value;
      if (removing) total = before + stage.value.total;
      if (labelled) [before, removing] = [before + ahead, true];
      yield { sentence, done: before + done, total, ...(labelled ? { partial: { ...known, ...labelled } } : {}) };
    }
  },
  ask: (model, job, result, question) => attentionMap(model, job, headOf(result, question), question.section),
  finding,
  sections,
  compare,
  offers,
};

/** Labelled heads alone, and those of a label together. */
const guessedSets = (blocks: ModelFacts['blocks']): number =>
  Math.ceil(guessedShare * blocks.reduce((sum, { heads }) => sum + heads, 0));

function headOf({ classes }: LabelsResult, { section, place }: SectionQuestion): HeadPlace {
  if (place.kind === 'head') return place;
  const row = section === 'labelled' && place.kind === 'row' ? classes[place.row] : undefined;
  if (!row) throw new RangeError(`nothing is known of this place of ${section}`);
  return row;
}

/**
 * A run layer by layer that begins when its first layer is wanted. A run that goes on behind kept layers runs them again (the
 * port keeps no residual stream), but where all were kept nothing is run.
 */
class Layers {
  private run: AsyncGenerator<LayerResult, RunResult> | undefined;
  constructor(private readonly start: () => ReturnType<ModelRunner['layers']>) {}

  async statistics(layer: number): Promise<HeadNumbers> {
    this.run ??= this.start();
    for (;;) {
      const step = await this.run.next();
      if (step.done) throw new RangeError(`the run has no layer ${layer}`);
      if (step.value.layer < layer) continue;
      if (!step.value.statistics) throw new RangeError('a layer has no statistics');
      return step.value.statistics;
    }
  }

  async close(): Promise<void> {
    await this.run?.return(undefined as never);
  }
}

/** Layers that are not measured yet have no numbers. */
function tablesOf(
  measured: readonly HeadNumbers[],
  blocks: ModelFacts['blocks'],
): Pick<LabelsResult, 'statistics' | 'groups'> {
  const table = (give: (numbers: HeadNumbers) => readonly number[] | undefined) =>
    blocks.map(({ heads }, layer) => {
      const numbers = measured[layer];
      return (numbers && give(numbers)) ?? new Array<number>(heads).fill(Number.NaN);
    });
  const statistics = Object.fromEntries(headStatisticNames.map((name) => [name, table((numbers) => numbers[name])]));
  const names = Object.keys(measured[0]?.groups ?? {});
  return {
    statistics: statistics as unknown as HeadStatistics,
    groups: Object.fromEntries(names.map((name) => [name, table((numbers) => numbers.groups[name])])),
  };
}
