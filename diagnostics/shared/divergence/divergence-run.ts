/**
 * Two passes side by side: a sequence with its span and the same without, both carrying the generated tokens of the first.
 * What leaves the runtime is each head's output at one row per step, never an attention map.
 */
import type { DivergenceStep } from '../../../protocol/results/hallucination-schema';
import { continued, type GeneratedToken, type GenerationRequest } from '../../model-runner/decoding';
import type {
  Continuation,
  ContinuationRequest,
  ModelFacts,
  ModelRunner,
  Observation,
} from '../../model-runner/model-runner';
import { probabilities } from '../../model-runner/sampling';
import { layerDivergence, tokenDivergence, type Distance, type OutlierRule } from './divergence';
import { extended, type SpanPair } from './span-pair';

export interface DivergenceMeasure {
  readonly distance: Distance;
  readonly outliers: OutlierRule;
  /** Heads of each layer that T-VHD adds up. */
  readonly k: number;
}

/** Tokens that the pass without the span runs at once: it lags behind by so many, and costs a fraction of single steps. */
export const blockLength = 8;

export function divergenceStep(
  blocks: readonly Pick<ModelFacts['blocks'][number], 'heads'>[],
  step: number,
  withSpan: Observation,
  without: Observation,
  { distance, outliers }: DivergenceMeasure,
): DivergenceStep {
  const layers = blocks.map(({ heads }, at) =>
    layerDivergence(
      {
        with: withSpan.headOutputs[at] ?? new Float32Array(0),
        without: without.headOutputs[at] ?? new Float32Array(0),
        heads,
      },
      distance,
      outliers,
    ),
  );
  return {
    step,
    vhd: layers.map(({ vhd }) => vhd),
    textEnergy: layers.map(({ textEnergy }) => textEnergy),
    outlier: layers.map(({ outlier }) => outlier),
    selected: layers.map(({ selected }) => selected),
    // One group: [heads, 1].
    visualAttention: withSpan.mass.map((mass) => Array.from(mass)),
  };
}

export interface MeasuredToken {
  readonly id: number;
  readonly probability: number;
  readonly step: DivergenceStep;
  readonly tVhd: number;
}

/** `variant` is held in both passes. */
export interface DivergenceRequest extends Pick<ContinuationRequest, 'variant' | 'chunk' | 'onLayer'> {
  readonly pair: SpanPair;
  readonly measure: DivergenceMeasure;
  /** Tokens that will follow at most. */
  readonly further: number;
}

/** The two passes at their first step. */
export class DivergenceRun {
  private constructor(
    private readonly model: ModelRunner,
    private readonly request: DivergenceRequest,
    private readonly withSpan: Continuation,
    private readonly without: Continuation,
    readonly first: DivergenceStep,
  ) {}

  static async start(model: ModelRunner, request: DivergenceRequest): Promise<DivergenceRun> {
    const { pair, measure, onLayer, variant, chunk, further } = request;
    const common = {
      further,
      held: 2,
      observe: true,
      ...(variant ? { variant } : {}),
      ...(chunk === undefined ? {} : { chunk }),
    };
    const without = await model.continuation({ sequence: pair.without, ...common });
    const withSpan = await model.continuation({ sequence: pair.whole, ...common, ...(onLayer ? { onLayer } : {}) });
    if (!withSpan.observation || !without.observation) throw new RangeError('the passes were not observed');
    const first = divergenceStep(model.facts.blocks, 0, withSpan.observation, without.observation, measure);
    return new DivergenceRun(model, request, withSpan, without, first);
  }

  /** Queries of the prompt that were computed at once. */
  get chunk(): number {
    return this.withSpan.chunk;
  }

  /** Tokens as they are chosen, a few at a time. */
  async *generate(generation: Omit<GenerationRequest, 'observe' | 'statistics'>): AsyncGenerator<MeasuredToken> {
    yield* this.measured(continued(this.withSpan, { ...generation, observe: true }, this.model));
  }

  /** A text that is given, token by token, under the two passes as they are. */
  async *follow(ids: readonly number[]): AsyncGenerator<MeasuredToken> {
    yield* this.measured(this.forced(ids));
  }

  private async *forced(ids: readonly number[]): AsyncGenerator<GeneratedToken> {
    let { observation } = this.withSpan;
    let { logits } = this.withSpan;
    for (const [at, id] of ids.entries()) {
      yield { id, logits, ...(observation ? { observation } : {}) };
      if (at + 1 === ids.length) return;
      this.model.signal.throwIfAborted();
      const next = await this.withSpan.extend([id], { observe: true });
      [observation] = next.observations;
      logits = next.logits;
    }
  }

  private async *measured(tokens: AsyncGenerator<GeneratedToken>): AsyncGenerator<MeasuredToken> {
    let step = 0;
    /** Token before the first of `waiting`: the row whose output it is. */
    let before: number | undefined;
    let waiting: GeneratedToken[] = [];
    const measuredBlock = async (): Promise<MeasuredToken[]> => {
      const block = waiting;
      waiting = [];
      const rows = [...(before === undefined ? [] : [before]), ...block.slice(0, -1).map(({ id }) => id)];
      const { observations } =
        rows.length === 0 ? { observations: [] } : await this.without.extend(rows, { observe: true });
      const own = before === undefined ? [this.without.observation, ...observations] : observations;
      before = block.at(-1)?.id;
      return block.map((token, at) => this.token(token, step++, own[at]));
    };
    for await (const token of tokens) {
      waiting.push(token);
      // The first token is known at once: its step has been measured.
      if (before === undefined || waiting.length === blockLength) yield* await measuredBlock();
    }
    if (waiting.length > 0) yield* await measuredBlock();
  }

  private token({ id, logits, observation }: GeneratedToken, step: number, without?: Observation): MeasuredToken {
    if (!observation || !without) throw new RangeError(`step ${step} was not observed`);
    const { measure } = this.request;
    const divergence = divergenceStep(this.model.facts.blocks, step, observation, without, measure);
    return {
      id,
      probability: probabilities(logits)[id] ?? 0,
      step: divergence,
      tVhd: tokenDivergence(divergence.vhd, measure.k),
    };
  }
}

/** The step behind a text that is given. */
export async function divergenceAfter(
  model: ModelRunner,
  { pair, measure }: Pick<DivergenceRequest, 'pair' | 'measure'>,
  generated: readonly number[],
  more: Pick<DivergenceRequest, 'variant'> = {},
): Promise<DivergenceStep> {
  const grown = {
    ...pair,
    whole: extended(pair.whole, generated),
    without: extended(pair.without, generated),
  };
  const run = await DivergenceRun.start(model, { pair: grown, measure, further: 0, ...more });
  return { ...run.first, step: generated.length };
}
