/**
 * Text of a Markov source of order k: after each context of k tokens one token comes with a share of `sharpness`, and else any token,
 * evenly. Which one it is was drawn for each context by itself, so that fewer than k tokens say next to nothing.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';

export class MarkovText {
  /** By context, a number in base V whose last digit is the last token. */
  readonly preferred: readonly number[];

  constructor(
    readonly order: number,
    readonly vocabulary: number,
    readonly sharpness: number,
    seed: number,
  ) {
    const source = random(seedFor(seed, 'the source'));
    this.preferred = Array.from({ length: vocabulary ** order }, () => source.whole(vocabulary));
  }

  /** What comes most often after the last `order` of the tokens. */
  likely(tokens: readonly number[]): number {
    const context = tokens.slice(-this.order).reduce((sum, token) => sum * this.vocabulary + token, 0);
    return this.preferred[context] ?? 0;
  }

  /** The first `order` tokens are drawn evenly. */
  drawn(length: number, source: Random): readonly number[] {
    const tokens: number[] = [];
    while (tokens.length < length) {
      const free = tokens.length < this.order || source.uniform() >= this.sharpness;
      tokens.push(free ? source.whole(this.vocabulary) : this.likely(tokens));
    }
    return tokens;
  }

  /** Share of tokens that whoever knows the source predicts: s + (1 - s) / V. */
  get bestAccuracy(): number {
    return this.sharpness + (1 - this.sharpness) / this.vocabulary;
  }

  /** Entropy of a token given its context, nats: no model has a smaller loss. */
  get leastLoss(): number {
    const [one, other] = [this.bestAccuracy, (1 - this.sharpness) / this.vocabulary];
    const term = (p: number): number => (p === 0 ? 0 : -p * Math.log(p));
    return term(one) + (this.vocabulary - 1) * term(other);
  }
}
