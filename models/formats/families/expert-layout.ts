import type { FeedForward } from '../model-description';
import type { TensorWriter } from '../tensors/tensor-table';
import type { DecoderLayout } from './decoder-layout';

type ExpertWriter = NonNullable<DecoderLayout['experts']>;
type Projections = readonly [gate: string, up: string, down: string];

interface ExpertNames {
  readonly prefix: string;
  readonly router: string;
  /** Name of a vector of one number an expert, e.g. `gate.e_score_correction_bias`. */
  readonly routerBias?: string;
  /** Prefix of the network that every token uses, where the layer has one. */
  readonly shared?: string;
  /** Its projections, where they are not called as those of the routed experts. */
  readonly sharedProjections?: Projections;
  readonly sharedGate?: string;
}

/** The router, and the network that every token uses beside the routed experts. */
function writeCommon(own: TensorWriter, { experts }: FeedForward, names: ExpertNames, called: Projections): void {
  if (experts === undefined) return;
  const hidden = own.part.hiddenSize;
  own.add('router', `${names.router}.weight`, [experts.count, hidden]);
  if (names.routerBias !== undefined) own.add('router', names.routerBias, [experts.count]);
  if (experts.sharedSize === 0 || names.shared === undefined) return;
  const shared = own.under(names.shared);
  const [gate, up, down] = names.sharedProjections ?? called;
  shared.linear('mlp', gate, hidden, experts.sharedSize, false);
  shared.linear('mlp', up, hidden, experts.sharedSize, false);
  shared.linear('mlp', down, experts.sharedSize, hidden, false);
  if (experts.sharedGate && names.sharedGate !== undefined)
    own.add('router', `${names.sharedGate}.weight`, [1, hidden]);
}

/** Routed experts with one module each, in the names of Qwen-MoE and DeepSeek, and the shared network beside them. */
export const separateExperts =
  (names: ExpertNames & { readonly projections: Projections }): ExpertWriter =>
  (writer, feedForward, _layer, part) => {
    const { experts, size } = feedForward;
    if (experts === undefined) return;
    const own = writer.under(names.prefix);
    writeCommon(own, feedForward, names, names.projections);
    const each = own.experts(experts, 'experts.{expert}.');
    const [gate, up, down] = names.projections;
    each.linear('experts', gate, part.hiddenSize, size, false);
    each.linear('experts', up, part.hiddenSize, size, false);
    each.linear('experts', down, size, part.hiddenSize, false);
  };

/**
 * All experts of a layer in two tensors, `experts.gate_up_proj` and `experts.down_proj`. Each expert is stored
 * [output, input], or [input, output] where `inputFirst` (Llama 4).
 */
export const stackedExperts =
  (names: ExpertNames & { readonly inputFirst?: true }): ExpertWriter =>
  (writer, feedForward, _layer, part) => {
    const { experts, size } = feedForward;
    if (experts === undefined) return;
    const own = writer.under(names.prefix);
    writeCommon(own, feedForward, names, ['gate_proj', 'up_proj', 'down_proj']);
    const shape = (output: number, input: number): readonly number[] =>
      names.inputFirst === true ? [input, output] : [output, input];
    own.stacked(experts, 'experts.gate_up_proj', shape(2 * size, part.hiddenSize));
    own.stacked(experts, 'experts.down_proj', shape(part.hiddenSize, size));
  };
