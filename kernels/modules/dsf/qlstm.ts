/** qLSTM as a module, with its names of the release (definition.ts has the equations). */
import type { Module, ModuleWeight } from '../../module';
import { linear, mapped, product } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { linearWeights, parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor } from '../../tensors/random';
import { tensor } from '../../tensors/tensor';
import { qlstm, qlstmParts } from './definition';
import { qlstmGraph } from './graph';
import { qlstmPictures } from './pictures';
import * as field from '../../parameters';

interface Parameters extends Record<string, number | boolean> {
  readonly tokens: number;
  readonly width: number;
  readonly expansion: number;
  readonly kernel: number;
  readonly reversed: boolean;
  readonly batch: number;
}

const weightsOf = ({ width, expansion, kernel, reversed }: Parameters): readonly ModuleWeight[] => {
  const hidden = expansion * width;
  return [
    ...linearWeights('input', 2 * hidden, width, false),
    { name: 'conv.weight', shape: [hidden, 1, kernel], initial: { kind: 'normal', deviation: kernel ** -0.5 } },
    { name: 'conv.bias', shape: [hidden], initial: { kind: 'normal', deviation: 0.1 } },
    ...linearWeights('gates', 3 * hidden, hidden),
    ...linearWeights('output', width, hidden, false),
    // The plain one keeps it too and does not read it.
    { name: 'alpha', shape: [], initial: { kind: 'near-one', deviation: 0.2 }, ...(reversed ? {} : { buffer: true }) },
  ];
};

export const qlstmModule: Module<Parameters> = {
  id: 'qlstm',
  title: 'qLSTM (DSF)',
  kind: 'attention',
  summary:
    'A gated recurrence with one number of state for each hidden channel, whose gates read the input alone, so that it can be computed for all positions at once. Its forget gate can be the reversed sigmoid, which is the decay of a selective state-space model.',
  source: {
    reference:
      'arXiv:2405.15731; class qLSTM in zoology/mixers/lstm.py of github.com/IntelligentControlSystems/dsf-mqar',
    trust: 'high',
    note: 'The recurrence is computed in blocks by doubling, in place of the CUDA scan of the release.',
  },
  parameters: {
    tokens: field.integer('Tokens', 'n.', { min: 1, max: 8192, default: 128 }),
    width: field.integer('Width', 'd; 256 as published.', { min: 1, max: 1024, default: 64 }),
    expansion: field.integer('Expansion', 'Hidden channels for each of the width.', { min: 1, max: 8, default: 2 }),
    kernel: field.integer('Kernel', 'Positions that the convolution reads, its own the last.', {
      min: 1,
      max: 16,
      default: 4,
    }),
    reversed: field.flag('Reversed gate', 'sigmoid(−f)^alpha with a learned alpha in place of sigmoid(f).', true),
    batch: field.integer('Batch', 'Sequences in a call.', { min: 1, max: 64, default: 1 }),
  },
  inputs: (size) => [tokensInput(size)],
  outputs: (size) => [tokensOutput(size, 'Mixed tokens')],
  weights: weightsOf,
  parametersOf(shapeOf) {
    const [input, conv] = [shapeOf('input.weight'), shapeOf('conv.weight')];
    if (!input || !conv) return {};
    return { width: input[1]!, expansion: Math.round(input[0]! / 2 / input[1]!), kernel: conv[2]! };
  },
  reference: ({ inputs, weights }, { reversed }) => ({ output: qlstm(inputs['x']!, weights, reversed) }),
  build: (graph, { reversed }) => ({ output: qlstmGraph(graph, reversed) }),
  cost(parameters) {
    const { batch, tokens: n, width: d, expansion, kernel } = parameters;
    const hidden = expansion * d;
    const multiplyAdds = batch * n * (3 * d * hidden + 3 * hidden * hidden + kernel * hidden);
    const count = parameterCount(weightsOf(parameters));
    // The recurrence: three steps of two products and a sum, what enters a block, and the same of an eighth of the positions, and so on.
    const steps = (8 / 7) * 11;
    return {
      multiplyAdds,
      flops: 2 * multiplyAdds + batch * n * hidden * (steps + 16),
      bytes: 4 * (count + batch * n * (2 * d + hidden * (24 + 4 * steps))),
      parameters: count,
    };
  },
  depth: () => 4,
  growth: {
    of: 'tokens',
    sizes: [256, 1024, 4096].map((tokens) => ({ tokens })),
    size: ({ tokens }) => tokens,
    exponent: 1,
  },
  plain: ({ batch, tokens, width }) => ({ batch, queries: tokens, keys: tokens, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'alpha of 0 forgets nothing: a running sum',
      parameters: { tokens: 7, width: 3, expansion: 2, reversed: true, batch: 2 },
      call: ({ inputs, weights }) => ({ inputs, weights: { ...weights, alpha: tensor([], Float64Array.of(0)) } }),
      equals({ inputs, weights }, { tokens }) {
        const { input, output, value, gate } = qlstmParts(inputs['x']!, weights, true);
        const width = value.shape[2]!;
        const written = product(input, value);
        const total = mapped(written, (_, at) => {
          let sum = 0;
          for (let back = Math.floor(at / width) % tokens; back >= 0; back--) sum += written.data[at - back * width]!;
          return sum;
        });
        const read = product(gate, product(output, total));
        return { output: linear(read, weightOf(weights, 'output.weight')) };
      },
    },
    {
      name: 'alpha of 1 is the plain gate with its sign turned',
      parameters: { tokens: 6, width: 3, expansion: 2, reversed: true },
      call: ({ inputs, weights }) => ({ inputs, weights: { ...weights, alpha: tensor([], Float64Array.of(1)) } }),
      equals({ inputs, weights }, { width, expansion }) {
        const hidden = width * expansion;
        // The first third of the rows of the gates is f.
        const signs = (name: string, inner: number) =>
          weightOf(weights, name).data.map((x, at) => (Math.floor(at / inner) < hidden ? -x : x));
        const turned = {
          ...weights,
          'gates.weight': tensor([3 * hidden, hidden], signs('gates.weight', hidden)),
          'gates.bias': tensor([3 * hidden], signs('gates.bias', 1)),
        };
        return { output: qlstm(inputs['x']!, turned, false) };
      },
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens: what is kept varies from position to position without order.',
      draw: ({ batch, tokens, width }, seed) => ({ x: normalTensor([batch, tokens, width], seed) }),
    },
    {
      id: 'segments',
      title: 'Four segments',
      description: 'Each quarter of the tokens repeats one of its own: what is kept changes where a quarter begins.',
      draw({ batch, tokens, width }, seed) {
        const few = normalTensor([batch, 4, width], seed);
        const part = Math.ceil(tokens / 4);
        const x = Float64Array.from({ length: batch * tokens * width }, (_, at) => {
          const [b, t, c] = [Math.floor(at / (tokens * width)), Math.floor(at / width) % tokens, at % width];
          return few.data[(b * 4 + Math.floor(t / part)) * width + c]!;
        });
        return { x: tensor([batch, tokens, width], x) };
      },
    },
  ],
  pictures: ({ inputs, weights }, _outputs, { reversed }) => qlstmPictures(inputs['x']!, weights, reversed),
};
