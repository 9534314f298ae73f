/**
 * Two passes side by side: a sequence with its span and the same without, both carrying the generated tokens of the first.
 * What leaves the runtime is each head's output at one row per step, never an attention map.
 */
import {
  layerDivergence,
  tokenDivergence,
  type Distance,
  type OutlierRule,
} from '../../../diagnostics/hallucination/divergence';
import type { DivergenceStep } from '../../../protocol/results/hallucination';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { continued, type ContinuationRequest, type GeneratedToken } from '../generation/decoding';
import type { Variant } from '../run/interventions';
import type { LayerSessions } from '../run/layer-sessions';
import type { RunHooks } from '../run/run-request';
import { probabilities } from '../generation/sampling';
import type { Observation } from '../../../diagnostics/model-runner/model-runner';
import { SequenceRun } from '../generation/sequence-run';
import type { SpanPair } from './span-pair';

export interface DivergenceMeasure {
  readonly distance: Distance;
  readonly outliers: OutlierRule;
  /** Heads of each layer that T-VHD adds up. */
  readonly k: number;
}

/** Tokens that the pass without the span runs at once: it lags behind by so many, and costs a fraction of single steps. */
const blockLength = 8;

export function divergenceStep(
  model: ModelSpec,
  step: number,
  withSpan: Observation,
  without: Observation,
  { distance, outliers }: DivergenceMeasure,
): DivergenceStep {
  const layers = model.blocks.map(({ attention }, at) =>
    layerDivergence(
      {
        with: withSpan.headOutputs[at] ?? new Float32Array(0),
        without: without.headOutputs[at] ?? new Float32Array(0),
        heads: attention.heads,
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

export interface DivergenceRequest {
  readonly pair: SpanPair;
  readonly chunk: number;
  readonly measure: DivergenceMeasure;
  /** Held in both passes. */
  readonly variant?: Variant;
}

/** The two passes at their first step. */
export class DivergenceRun {
  private constructor(
    private readonly model: ModelSpec,
    private readonly request: DivergenceRequest,
    private readonly withSpan: SequenceRun,
    private readonly without: SequenceRun,
    readonly first: DivergenceStep,
  ) {}

  static async start(
    model: ModelSpec,
    sessions: LayerSessions,
    request: DivergenceRequest,
    hooks: RunHooks = {},
  ): Promise<DivergenceRun> {
    const { pair, chunk, variant } = request;
    const common = { chunk, observe: true, ...(variant ? { variant } : {}) };
    const without = await SequenceRun.start(model, sessions, { ...pair.without, ...common }, { signal: hooks.signal });
    const withSpan = await SequenceRun.start(model, sessions, { ...pair.whole, ...common }, hooks);
    if (!withSpan.observation || !without.observation) throw new RangeError('the passes were not observed');
    const first = divergenceStep(model, 0, withSpan.observation, without.observation, request.measure);
    return new DivergenceRun(model, request, withSpan, without, first);
  }

  /** Tokens as they are chosen, a few at a time. */
  async *generate(continuation: Omit<ContinuationRequest, 'observe' | 'statistics'>, hooks: RunHooks = {}) {
    const tokens = continued(this.withSpan, { ...continuation, observe: true }, hooks);
    yield* this.measured(tokens);
  }

  /** A text that is given, token by token, under the two passes as they are. */
  async *follow(ids: readonly number[], hooks: RunHooks = {}) {
    yield* this.measured(this.forced(ids, hooks));
  }

  private async *forced(ids: readonly number[], hooks: RunHooks): AsyncGenerator<GeneratedToken> {
    let { observation } = this.withSpan;
    let { logits } = this.withSpan;
    for (const [at, id] of ids.entries()) {
      yield { id, logits, ...(observation ? { observation } : {}) };
      if (at + 1 === ids.length) return;
      hooks.signal?.throwIfAborted();
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
    const divergence = divergenceStep(this.model, step, observation, without, measure);
    return {
      id,
      probability: probabilities(logits)[id] ?? 0,
      step: divergence,
      tVhd: tokenDivergence(divergence.vhd, measure.k),
    };
  }
}
