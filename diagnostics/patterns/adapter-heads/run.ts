/** Compares the weights of heads, then maps and outputs layer by layer, then predictions. */
import { mean } from '../../../kernels/tensors/vectors';
import { FailureError } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { argMax } from '../../model-runner/sampling';
import { headChanges, type HeadChanges, type TextRequest } from '../../shared/beside/head-changes';
import { divergencesOf, filled, logitsOf, requireSame, rowsOf } from '../../shared/beside/predictions';
import { endErrors, headParts, layerErrors, noErrors, type LayerErrors } from '../../shared/beside/weights';
import type { AdapterHeadsResult } from './result';
import { spectralChanges } from './spectral';

export type AdapterHeadsParameters = { readonly against: string };

interface Weights extends LayerErrors {
  readonly spectral: readonly number[];
}

export async function* adapterHeadsRun(
  model: ModelRunner,
  { input, parameters, variant, groups, step }: AnalysisJob<AdapterHeadsParameters>,
): AsyncGenerator<Step<AdapterHeadsResult>, AdapterHeadsResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  yield { sentence: 'Opening the base', done: 0, total: 0 };
  const against = parameters.against.trim();
  const beside = await model.beside(against === '' ? undefined : against);
  const base = beside.model;
  requireSame(model, base);
  const request: TextRequest = { ...prompt, groups: groups ?? [], variants: [variant] };
  const kept = <T>(key: string, act: () => Promise<T>): Promise<T> => step(`${beside.stamp} ${key}`, act);
  const { blocks } = model.facts;
  const total = 2 * blocks.length + 2;
  const weights: Weights[] = [];
  const changes: HeadChanges[] = [];
  let ends: Awaited<ReturnType<typeof endErrors>> = { tensors: [], notes: [] };
  let predicted: Pick<AdapterHeadsResult, 'divergences' | 'agree'> = { divergences: [], agree: Number.NaN };
  const result = (): AdapterHeadsResult => {
    const { largest: _, ...parts } = noErrors;
    const perHead = (of: (layer: number) => readonly number[] | undefined): readonly (readonly number[])[] =>
      blocks.map(({ heads }, layer) => filled(of(layer), heads));
    for (const name of [...headParts, 'weights'] as const)
      parts[name] = perHead((layer) => weights[layer]?.heads[name]);
    return {
      base: base.facts.summary.name,
      ...parts,
      spectral: perHead((layer) => weights[layer]?.spectral),
      maps: perHead((layer) => changes[layer]?.maps),
      outputs: perHead((layer) => changes[layer]?.outputs),
      ...predicted,
      divergence: predicted.divergences.length === 0 ? Number.NaN : mean(predicted.divergences),
      tensors: [...weights.flatMap(({ tensors }) => tensors), ...ends.tensors].filter(({ largest }) => largest !== 0),
      notes: [...weights.flatMap(({ notes }) => notes), ...ends.notes],
    };
  };

  let done = 0;
  for (const layer of blocks.keys()) {
    yield { sentence: `Weights of layer ${layer} of ${blocks.length}`, done: done++, total };
    weights.push(await kept(`changes of layer ${layer}`, () => weightsOf(model, base, layer)));
  }
  yield { sentence: 'Embedding and language head', done: done++, total, partial: result() };
  ends = await kept('embedding and head', () => endErrors(model, base));
  for (const layer of blocks.keys()) {
    yield { sentence: `Heads of layer ${layer} of ${blocks.length}`, done: done++, total };
    changes.push(
      await kept(`heads of layer ${layer}`, () => headChanges(model, base, [{ own: request, beside: request }], layer)),
    );
  }
  yield { sentence: 'Predictions', done: done++, total, partial: result() };
  predicted = await kept('predictions', async () => {
    const rows = prompt.ids.length;
    const [own, other] = [await logitsOf(model, request), await logitsOf(base, request)];
    const others = rowsOf(other, rows);
    const same = rowsOf(own, rows).filter((row, at) => argMax(row) === argMax(others[at] ?? row));
    return { divergences: divergencesOf(other, own, rows), agree: same.length / rows };
  });
  return result();
}

async function weightsOf(model: ModelRunner, base: ModelRunner, layer: number): Promise<Weights> {
  const errors = await layerErrors(model, base, layer);
  try {
    return { ...errors, spectral: await spectralChanges(model, base, layer) };
  } catch (error) {
    // The notes say already that its maps are not taken apart.
    if (error instanceof FailureError && error.failure.code === 'unsupported') return { ...errors, spectral: [] };
    throw error;
  }
}
