/**
 * Contrastive decoding: what the model says with the picture, less what it would say in any case. With l the logits with the
 * picture and l' those with a distorted picture or none, the next token is chosen by
 *
 *   (1 + w) l - w l'    among the tokens with l >= max l + ln beta
 *
 * - Visual contrastive decoding (VCD, arXiv 2311.16922, equations 3 and 4; alpha = w, released code as the paper).
 * - PAI's step on logits (arXiv 2407.21771): gamma log p(y | V) - (gamma - 1) log p(y | no picture), gamma = 1 + w. Its log p is l
 *   less a number that is the same for all tokens, so that the choice is that of the logits. The paper writes p, its code has log p.
 *
 * The cut keeps out tokens that are improbable with the picture and still more so without; beta 0.1 in both releases.
 */
import type { Continuation } from '../../model-runner/model-runner';

export interface Contrast {
  /** w; 0 is the first distribution alone. */
  readonly weight: number;
  /** beta, 0 to 1: a token stays whose probability is at least so much of the largest; 1 leaves the most probable alone. */
  readonly cut: number;
}

/** -Infinity for tokens that are cut. */
export function contrasted(first: Float32Array, second: Float32Array, { weight, cut }: Contrast): Float32Array {
  let largest = -Infinity;
  for (const logit of first) largest = Math.max(largest, logit);
  const least = largest + Math.log(cut);
  return first.map((logit, token) =>
    logit < least ? -Infinity : (1 + weight) * logit - weight * (second[token] ?? Number.NaN),
  );
}

/** Two texts that go on with the same tokens, which both of them choose. */
export class ContrastedRun implements Continuation {
  readonly logits: Float32Array;
  readonly observation = undefined;

  constructor(
    private readonly first: Continuation,
    private readonly second: Continuation,
    private readonly contrast: Contrast,
  ) {
    this.logits = contrasted(first.logits, second.logits, contrast);
  }

  get length(): number {
    return this.first.length;
  }

  get chunk(): number {
    return this.first.chunk;
  }

  get canGoOn(): boolean {
    return this.first.canGoOn && this.second.canGoOn;
  }

  cacheBytes(): ReturnType<Continuation['cacheBytes']> {
    const [one, other] = [this.first.cacheBytes(), this.second.cacheBytes()];
    return {
      bytes: one.bytes + other.bytes,
      bytesFull: one.bytesFull + other.bytesFull,
      allocated: one.allocated + other.allocated,
      maskedLayers: Math.max(one.maskedLayers, other.maskedLayers),
    };
  }

  async extend(ids: readonly number[]): ReturnType<Continuation['extend']> {
    const first = await this.first.extend(ids);
    const second = await this.second.extend(ids);
    return { logits: contrasted(first.logits, second.logits, this.contrast), observations: [] };
  }
}
