/** The analysis `direct-logit-attribution`: what every head, every MLP and the embedding add directly to a logit. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { refusal } from '../../../protocol/wire/failures';
import type { Analysis } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { compareDirect } from './compare';
import { finding } from './finding';
import { lensOf } from './lens';
import { lookCloser, positionOf } from './look-closer';
import { resultOf, type Attributed } from './means';
import { parameters, type DirectParameters } from './parameters';
import { directResult, type DirectResult } from './result';
import { sections } from './sections';
import { streamRow } from '../../model-runner/stream-row';
import { answersTarget, namedTarget, type ChosenTarget } from './target';

export const directLogitAttribution: Analysis<DirectParameters, DirectResult> = {
  id: 'direct-logit-attribution',
  title: 'Direct logit attribution',
  question: 'Which heads and MLPs write the answer into the residual stream?',
  group: 'circuits',
  source: {
    reference:
      'Elhage et al. 2021, A Mathematical Framework for Transformer Circuits; nostalgebraist 2020, interpreting GPT: the logit lens; arXiv:2211.00593, section 3',
    trust: 'high',
    note: 'Norms behind a branch (Gemma 2) and on sums (OPT-350m) are frozen like the final one. Biases that belong to no head are a part of their own; attribution is of logits before soft capping.',
  },
  inputs: ['prompt', 'task'],
  sources: 'also',
  exactWeights: true,
  parameters,
  result: directResult,
  recurrent: true,
  supports: ({ predicts }) =>
    predicts
      ? { ok: true }
      : {
          ok: false,
          why: 'This model predicts no next token, so there is no logit to take apart. Choose a model with a language head.',
        },
  estimate({ blocks, hiddenSize, summary }, { prompts, task }) {
    const rows = blocks.reduce((sum, { heads, headDim }) => sum + 3 * hiddenSize + heads * headDim, 0);
    return {
      passes: Math.max(prompts.length, task?.samples.length ?? 0),
      bytes: 4 * (rows + (blocks.length + 1) * summary.vocabulary),
    };
  },
  async *run(model, { input, parameters: given, variant, groups, step }) {
    const { task } = input;
    const [prompt] = input.prompts;
    const softcap = model.direct.softcap;
    const cap = softcap === undefined ? {} : { cap: softcap };
    if (task) {
      requireUnnamed(given);
      const measured: Attributed[] = [];
      const { samples } = task;
      const words = samples.map(answersTarget).find(({ wrong }) => wrong.length > 0)?.words ?? {
        token: 'right answers',
      };
      for (const [at, sample] of samples.entries()) {
        yield {
          sentence: `Prompt ${at + 1} of ${samples.length}`,
          done: at,
          total: samples.length,
          ...(measured.length > 0 ? { partial: resultOf(words, measured, cap) } : {}),
        };
        measured.push(
          await step(`prompt ${at}`, () =>
            attributed(model, sample.prompt, variant, sample.prompt.ids.length - 1, () => answersTarget(sample)),
          ),
        );
      }
      // Top tokens are those of one prompt.
      return resultOf(words, measured.map(withoutTop), cap);
    }
    if (!prompt) throw new RangeError('the analysis reads a prompt or a task');
    const row = positionOf(given, prompt.ids.length);
    yield { sentence: 'Running the prompt', done: 0, total: 1 };
    const { words, ...measured } = await step('prompt', () =>
      attributed(model, { ...prompt, groups }, variant, row, (logits) => namedTarget(model, given, logits)),
    );
    return resultOf(words, [measured], { position: row, positionToken: prompt.tokens[row] ?? '', ...cap });
  },
  ask: lookCloser,
  finding,
  sections,
  compare: compareDirect,
};

/** Fails where a person names what a task decides. */
function requireUnnamed({ token, against, position }: DirectParameters): void {
  if (token === '' && against === '' && position === -1) return;
  throw refusal('A task names its tokens and positions itself. Leave token, against and position as they are.');
}

const withoutTop = (one: Attributed): Attributed => ({
  ...one,
  ...(one.lens ? { lens: one.lens.map(({ top: _, ...layer }) => layer) } : {}),
});

async function attributed(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  row: number,
  choose: (logits: Float32Array) => ChosenTarget,
): Promise<Attributed & Pick<ChosenTarget, 'words'>> {
  const stream = await streamRow(model, sequence, variant, row);
  const byLayer = await model.direct.logits(stream.streams);
  const logits = byLayer.at(-1) ?? new Float32Array(0);
  const { target, right, wrong, words } = choose(logits);
  const effects = await model.direct.effects(stream, target);
  const { softcap } = model.direct;
  const capOf = (logit: number): number => (softcap === undefined ? logit : softcap * Math.tanh(logit / softcap));
  const sum =
    [...effects.heads.flat(), ...(effects.cross ?? []).flat(), ...(effects.recurrent ?? [])].reduce(
      (total, value) => total + value,
      0,
    ) +
    effects.mlp.reduce((total, value) => total + value, 0) +
    effects.embedding +
    effects.rest;
  const scale = Math.max(1, ...effects.tokens.map(Math.abs));
  const apart = target.map(({ token }, at) =>
    Math.abs(capOf(effects.tokens[at] ?? Number.NaN) - (logits[token] ?? Number.NaN)),
  );
  return {
    effects,
    words,
    error: Math.max(Math.abs(sum - effects.logit), ...apart) / scale,
    ...(softcap === undefined
      ? {}
      : { capped: target.reduce((total, { token, weight }) => total + weight * (logits[token] ?? Number.NaN), 0) }),
    lens: byLayer.map((each) => lensOf(each, right, wrong, (ids) => model.pieces(ids))),
  };
}
