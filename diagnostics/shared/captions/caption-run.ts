/** Captions out of runs: plain with the divergence of each token, and with reinforced heads. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { Caption, CaptionToken } from '../../../protocol/results/hallucination-schema';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import { continued, type GenerationRequest } from '../../model-runner/decoding';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { mean } from '../../../kernels/tensors/vectors';
import { TextPieces, type CaptionJudge } from './caption';
import { DivergenceRun, type DivergenceMeasure, type MeasuredToken } from '../divergence/divergence-run';
import { setupOf } from '../divergence/reinforcement';
import type { SpanPair } from '../divergence/span-pair';

/** What the two passes read, and how they are measured. */
export interface Prepared {
  readonly sequence: Sequence;
  readonly pair: SpanPair;
  readonly measure: DivergenceMeasure;
  /** Held in both passes. */
  readonly variant?: Variant;
}

/** The most probable token each time: captions are compared, so nothing is drawn. */
export const greedy = (
  { facts: { stopIds } }: ModelRunner,
  maxNewTokens: number,
): Pick<GenerationRequest, 'maxNewTokens' | 'stopIds' | 'sampling'> => ({
  maxNewTokens,
  stopIds,
  sampling: { temperature: 0, topP: 1, seed: 0 },
});

/** What is kept of a measured token: the tables of its step are not. */
export type TokenNumbers = Omit<CaptionToken, 'text'>;

export const numbersOf = ({ id, probability, tVhd, step }: MeasuredToken): TokenNumbers => ({
  id,
  probability,
  tVhd,
  visualAttention: mean(step.visualAttention.flat()),
});

/** The text of tokens, and whether it was cut before its end. */
export function textPart(model: ModelRunner, ids: readonly number[]): Pick<Caption, 'text' | 'stoppedAt'> {
  const last = ids.at(-1);
  const cut = last !== undefined && !model.facts.stopIds.includes(last);
  return { text: model.decode(ids), ...(cut ? { stoppedAt: ids.length } : {}) };
}

/** A caption as its tokens come. */
export class WrittenCaption {
  private readonly tokens: CaptionToken[] = [];
  private readonly pieces: TextPieces;

  constructor(
    private readonly model: ModelRunner,
    private readonly judge: CaptionJudge,
  ) {
    this.pieces = new TextPieces((ids) => model.decode(ids));
  }

  get length(): number {
    return this.tokens.length;
  }

  add(token: TokenNumbers): void {
    this.tokens.push({ ...token, text: this.pieces.next(token.id) });
  }

  soFar(): Pick<Caption, 'text' | 'tokens'> {
    return { text: this.tokens.map(({ text }) => text).join(''), tokens: [...this.tokens] };
  }

  caption(): Omit<Caption, 'reinforcement'> {
    const part = textPart(
      this.model,
      this.tokens.map(({ id }) => id),
    );
    return { ...part, tokens: this.tokens, ...this.judge.parts(part.text) };
  }
}

/** Tokens of a reinforced text, with their probabilities under the reinforced model. */
export async function startReinforcedText(
  model: ModelRunner,
  { pair, variant }: Pick<Prepared, 'pair' | 'variant'>,
  reinforcement: Reinforcement,
  maxNewTokens: number,
) {
  const { run, selected, gains } = await model.reinforced({
    sequence: pair.whole,
    without: pair.without,
    setup: setupOf(reinforcement),
    further: maxNewTokens,
    ...(variant ? { variant } : {}),
  });
  async function* tokens(): AsyncGenerator<{ readonly id: number; readonly probability: number }> {
    for await (const { id, logits } of continued(run, greedy(model, maxNewTokens), model)) {
      yield { id, probability: probabilityOf(logits, id) };
    }
  }
  return { selected, gains, tokens };
}

/** T-VHD of the tokens of a reinforced caption is that of the plain model which follows the text. */
export async function reinforcedCaption(
  model: ModelRunner,
  maxNewTokens: number,
  reinforcement: Reinforcement,
  { pair, measure, variant }: Prepared,
  judge: CaptionJudge,
): Promise<Caption> {
  const own = variant ? { variant } : {};
  const { selected, gains, tokens } = await startReinforcedText(model, { pair, ...own }, reinforcement, maxNewTokens);
  const written: { readonly id: number; readonly probability: number }[] = [];
  for await (const token of tokens()) written.push(token);
  const plain = await DivergenceRun.start(model, { pair, measure, further: maxNewTokens, ...own });
  const caption = new WrittenCaption(model, judge);
  for await (const token of plain.follow(written.map(({ id }) => id))) {
    const numbers = numbersOf(token);
    caption.add({ ...numbers, probability: written[caption.length]?.probability ?? numbers.probability });
  }
  return { reinforcement, ...caption.caption(), reinforced: selected, gains };
}

function probabilityOf(logits: Float32Array, id: number): number {
  let largest = -Infinity;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return Math.exp((logits[id] ?? -Infinity) - largest) / sum;
}
