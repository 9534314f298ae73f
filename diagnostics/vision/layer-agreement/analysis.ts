/** The analysis `layer-agreement`: whether layers look at the same places of a picture or a text. */
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import { layerMaps, mapBytes, passesOfMaps } from '../../shared/maps/layer-maps';
import { overLayers } from '../../shared/maps/over-layers';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { imageRows, patchGrid } from '../../model-runner/regions';
import { agreementOf, headsAgainstOthers, meanMap } from './agreement';
import { layerAgreementResult, type LayerAgreementResult } from './result';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

type Parameters = { readonly skipFirst: boolean };

export const layerAgreement: Analysis<Parameters, LayerAgreementResult> = {
  id: 'layer-agreement',
  title: 'Agreement of layers',
  question: 'Do all layers look at the same places?',
  group: 'vision',
  source: {
    reference: 'arXiv:2110.06063 (MEDUSA), abstract: attention at several scales that shares one context',
    trust: 'low',
    note: 'In the spirit of: the paper’s maps are gates of scales. Here they are the attention of the class token by layer, all on one grid, so that nothing is resized.',
  },
  inputs: ['prompt'],
  parameters: {
    skipFirst: field.flag(
      'Leave out the first token',
      'For a text: leaves out the first token. Many heads rest on it, which alone would make layers seem to agree.',
      true,
    ),
  },
  result: layerAgreementResult,
  supports: () => ({ ok: true }),
  estimate(facts, { prompts: [prompt] }) {
    return { passes: passesOfMaps(facts), bytes: mapBytes(facts, prompt?.ids.length ?? 0) };
  },
  run: agreement,
  finding,
  sections,
};

interface Reading {
  readonly reader: LayerAgreementResult['reader'];
  /** Rows of the readers, whose mean is taken, and of what is read. */
  readonly queries: readonly number[];
  readonly keys: readonly number[];
}

function readingOf({ facts }: ModelRunner, prompt: Prompt, { skipFirst }: Parameters): Reading {
  const { length } = prompt.ids;
  const grid = patchGrid(prompt);
  const last = length - 1;
  if (grid && facts.summary.causal) return { reader: 'last token', queries: [last], keys: grid.at };
  if (grid) {
    return (prompt.image?.start ?? 0) > 0
      ? { reader: 'class token', queries: [0], keys: grid.at }
      : { reader: 'patches', queries: grid.at, keys: grid.at };
  }
  const keys = Array.from({ length }, (_, at) => at).slice(skipFirst ? 1 : 0);
  if (keys.length < 3) throw refusal('A correlation over fewer than three places says nothing. Give a longer prompt.');
  return { reader: 'last token', queries: [last], keys };
}

async function* agreement(
  model: ModelRunner,
  { input, parameters, variant, groups, step }: AnalysisJob<Parameters>,
): AsyncGenerator<Step<LayerAgreementResult>, LayerAgreementResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const { blocks } = model.facts;
  const { reader, queries, keys } = readingOf(model, prompt, parameters);
  const n = prompt.ids.length;
  const look = async (layer: number): Promise<readonly (readonly number[])[]> =>
    (await layerMaps(model, { ...prompt, groups }, variant, layer)).map((map) =>
      keys.map((key) => queries.reduce((sum, row) => sum + (map[row * n + key] ?? 0), 0) / queries.length),
    );
  return yield* overLayers(blocks.length, step, look, (looked): LayerAgreementResult => {
    const maps = looked.map(meanMap);
    const tokens = imageRows(prompt);
    const placeOf = new Map(keys.map((key, place) => [key, place]));
    const imageMap = (map: readonly number[]): number[] =>
      tokens.map((row) => map[placeOf.get(row) ?? -1] ?? Number.NaN);
    return {
      ...{ reader, places: keys.length, maps },
      agreement: agreementOf(maps),
      heads: blocks.map(({ heads }, layer) => {
        const own = looked[layer] ? headsAgainstOthers(looked)[layer] : undefined;
        return own ?? new Array<number>(heads).fill(Number.NaN);
      }),
      chance: 1.96 / Math.sqrt(keys.length),
      tokens: prompt.image ? [] : keys.map((key) => prompt.tokens[key] ?? ''),
      ...(prompt.image ? { image: prompt.image } : {}),
      imageMaps: prompt.image ? maps.map(imageMap) : [],
    };
  });
}
