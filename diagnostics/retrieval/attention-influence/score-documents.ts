/** Losses of documents under the plain model and its variants, side by side; each batch is a step that is kept. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { TokenDocument } from './documents';
import { batchesOf, predictedTokens, windowsOf, type WindowShape } from '../../shared/corpus/windows';

/** Sums over the predicted tokens of a document. */
export interface LossSums {
  /** By variant, nats. */
  readonly sums: readonly number[];
  readonly tokens: number;
  readonly windows: number;
}

export interface ScoringRun {
  readonly shape: WindowShape;
  readonly variants: readonly Variant[];
  readonly seed: number;
  readonly step: AnalysisJob<Record<never, never>>['step'];
}

export interface ScoringStage extends Pick<Step<never>, 'done' | 'total'> {
  /** By place in `documents`: those whose windows have all been run. */
  readonly finished: ReadonlyMap<number, LossSums>;
}

/** Work is counted in rows, all variants together. */
export async function* scoreDocuments(
  model: ModelRunner,
  documents: readonly Pick<TokenDocument, 'ids'>[],
  { shape, variants, seed, step }: ScoringRun,
): AsyncGenerator<ScoringStage, ReadonlyMap<number, LossSums>> {
  const lengths = documents.map(({ ids }) => ids.length);
  const batches = batchesOf(lengths, shape, variants.length, seed);
  const total = lengths.reduce((sum, length) => sum + length, 0) * variants.length;
  const finished = new Map<number, LossSums>();
  // What has no token to predict is known without a run.
  lengths.forEach((length, at) => {
    if (predictedTokens(length, shape) === 0) finished.set(at, { sums: variants.map(() => 0), tokens: 0, windows: 0 });
  });
  const begun = new Map<number, LossSums>();
  let done = 0;
  for (const [number, batch] of batches.entries()) {
    yield { done: Math.min(done, total), total, finished };
    const windows = batch.flatMap((one) => {
      const { ids } = documents[one.document] ?? { ids: [] };
      return windowsOf(one.document, ids, shape).filter((window) => window.number === one.number);
    });
    const found = await step(`documents ${number}`, async () => {
      const predicted = await model.nextTokens(
        windows.map(({ ids }) => ids),
        variants,
      );
      return windows.map(({ from }, at) => ({
        sums: (predicted[at] ?? []).map(({ loss }) => loss.subarray(from).reduce((sum, each) => sum + each, 0)),
        tokens: (predicted[at]?.[0]?.loss.length ?? 0) - from,
      }));
    });
    windows.forEach(({ document, ids }, at) => {
      const own = found[at];
      if (!own) throw new RangeError('a window was not run');
      const before = begun.get(document) ?? { sums: variants.map(() => 0), tokens: 0, windows: 0 };
      const sums = before.sums.map((sum, variant) => sum + (own.sums[variant] ?? Number.NaN));
      begun.set(document, { sums, tokens: before.tokens + own.tokens, windows: before.windows + 1 });
      done += ids.length * variants.length;
    });
    for (const { document } of windows) {
      const sums = begun.get(document);
      const needed = predictedTokens(lengths[document] ?? 0, shape);
      if (sums && sums.tokens === needed) finished.set(document, sums);
    }
  }
  return finished;
}
