/** What a Titans block takes, what it learns outside and by which names. */
import type { ParameterTable } from '../../mechanism';
import { memoryLayers, memoryParameters } from '../../mechanisms/titans/layers';
import type { MemoryOrder } from '../../mechanisms/titans/memory';
import type { ModuleWeight } from '../../module';
import { evenly } from '../../module-parts/weights';
import type { AttentionShape } from '../../shape';
import * as field from '../../parameters';

export interface TitansParameters extends Record<string, number | string | boolean> {
  readonly form: 'memory' | 'context' | 'gate' | 'layer';
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
  readonly window: number;
  readonly persistent: number;
  readonly kernel: number;
  readonly chunk: number;
  readonly depth: number;
  readonly expansion: number;
  readonly momentum: boolean;
  readonly forgetting: boolean;
  readonly rate: number;
  readonly freeze: number;
  readonly reset: number;
  readonly batch: number;
}

export const titansParameters: ParameterTable<TitansParameters> = {
  form: field.choice(
    'Form',
    'memory: the neural memory alone (LMM); context: its answers in front of each segment (MAC); gate: beside attention in a window (MAG); layer: below attention in a window (MAL).',
    { options: ['memory', 'context', 'gate', 'layer'], default: 'memory' },
  ),
  tokens: field.integer('Tokens', 'n, in their order.', { min: 1, max: 8192, default: 256 }),
  width: field.integer('Width', 'D, features of a token.', { min: 1, max: 1024, default: 128 }),
  heads: field.integer('Heads', 'Memories (and heads of the attention); 1 in the paper.', {
    min: 1,
    max: 32,
    default: 2,
  }),
  window: field.integer(
    'Segment or window',
    'context: tokens of a segment; gate and layer: tokens that attention reads, the own one included. Unused by the memory alone.',
    { min: 1, max: 4096, default: 64 },
  ),
  persistent: field.integer(
    'Persistent tokens',
    'N_p learned tokens in front of the sequence. Unused by the memory alone.',
    { min: 0, max: 256, default: 4 },
  ),
  kernel: field.integer(
    'Convolution',
    'Tokens that the causal depthwise convolution of queries, keys and values reads; 1 only scales them.',
    { min: 1, max: 16, default: 4 },
  ),
  chunk: { ...memoryParameters.chunk, default: 16 } as typeof memoryParameters.chunk,
  depth: memoryParameters.depth,
  expansion: memoryParameters.expansion,
  momentum: memoryParameters.momentum,
  forgetting: memoryParameters.forgetting,
  rate: field.number(
    'Largest step',
    'theta of an open gate: the share of its error that a token learns. Tokens of a chunk are learned together: of the full step, 1, a chunk of 16 diverges and one of 4 does not.',
    { min: 0, max: 1, default: 0.3 },
  ),
  freeze: field.integer('Freeze from token', 'From this token on nothing new is learned (theta = 0); 0: never.', {
    min: 0,
    max: 8191,
    default: 0,
  }),
  reset: field.integer(
    'Reset at token',
    'At this token everything before is forgotten (alpha = 1), the momentum kept; 0: never.',
    { min: 0, max: 8191, default: 0 },
  ),
  batch: field.integer('Batch', 'Sequences in a call.', { min: 1, max: 64, default: 1 }),
};

/** Whether the form has attention, and persistent tokens with it. */
const attends = ({ form }: Pick<TitansParameters, 'form'>): boolean => form !== 'memory';

/** Persistent tokens that the memory reads in front of the sequence: those of a segment are for its attention only. */
export const learnedBefore = ({ form, persistent }: TitansParameters): number =>
  form === 'gate' || form === 'layer' ? persistent : 0;

export const memoryOrder = (parameters: TitansParameters): MemoryOrder => {
  const { chunk, depth, expansion, momentum, forgetting, rate } = parameters;
  return { chunk, depth, expansion, momentum, forgetting, rate, before: learnedBefore(parameters) };
};

export const headWidth = ({ width, heads }: TitansParameters): number => width / heads;

/** The memories' queries, keys and values of `rows` tokens. */
export const memoryShape = (parameters: TitansParameters, rows: number): AttentionShape => ({
  pattern: 'causal-self',
  batch: parameters.batch,
  heads: parameters.heads,
  kvHeads: parameters.heads,
  queries: rows,
  keys: rows,
  headDim: headWidth(parameters),
  valueDim: headWidth(parameters),
});

/** Name of the weights of a layer of the memory, [heads, rows, columns]. */
export const memoryWeightName = (layer: number): string => `memory_model.weights.${layer}`;

const matrix = (name: string, out: number, inner: number): ModuleWeight => ({
  name: `${name}.weight`,
  shape: [out, inner],
  initial: evenly(inner),
});

const gain = (name: string, width: number): ModuleWeight => ({
  name: `${name}.weight`,
  shape: [width],
  initial: { kind: 'near-one', deviation: 0.1 },
});

/** One gate for each token and head; the bias says where it begins: alpha 0.007, theta half of the largest step, eta 0.5. */
const gate = (name: string, heads: number, width: number, bias: number): readonly ModuleWeight[] => [
  matrix(name, heads, width),
  { name: `${name}.bias`, shape: [heads], initial: { kind: 'constant', value: bias } },
];

export function titansWeights(parameters: TitansParameters): readonly ModuleWeight[] {
  const { form, width, heads, kernel, persistent } = parameters;
  const memory = memoryLayers(memoryShape(parameters, 1), parameters);
  return [
    gain('norm', width),
    ...['queries', 'keys', 'values'].flatMap((name) => [
      matrix(`to_${name}`, width, width),
      { name: `conv_${name}.weight`, shape: [width, 1, kernel], initial: evenly(kernel) },
    ]),
    ...gate('to_decay_factor', heads, width, -5),
    ...gate('to_adaptive_step', heads, width, 0),
    ...gate('to_momentum', heads, width, 0),
    ...memory.map(({ rows, columns }, layer) => ({
      name: memoryWeightName(layer),
      shape: [heads, rows, columns],
      initial: evenly(rows),
    })),
    gain('memory_norm', width),
    ...(form === 'context' || form === 'gate' ? [gain('attention_norm', width)] : [matrix('to_gate', width, width)]),
    matrix('combine_heads', width, width),
    ...(attends(parameters) ? ['q', 'k', 'v', 'out'].map((name) => matrix(`attention.to_${name}`, width, width)) : []),
    ...(attends(parameters) && persistent > 0
      ? [{ name: 'persistent_memory', shape: [persistent, width], initial: { kind: 'normal', deviation: 1 } } as const]
      : []),
  ];
}

const mostAtOnce = 4;

export function refuseTitans(parameters: TitansParameters): string | undefined {
  const { form, width, heads, window, chunk, depth, rate, forgetting, reset } = parameters;
  if (width % heads !== 0) return `${width} features do not divide into ${heads} heads.`;
  if (form === 'context' && window % chunk !== 0) {
    return `A segment holds whole chunks: ${window} tokens are not a multiple of ${chunk}.`;
  }
  if (!forgetting && reset > 0) return 'A reset is the strongest forgetting: switch forgetting on for it.';
  const most = Math.min(mostAtOnce / chunk, depth > 1 ? 0.1 : 1);
  return forgetting || rate <= most
    ? undefined
    : `Without forgetting a memory learned in chunks of ${chunk} diverges: choose a largest step of ${Math.floor(1000 * most) / 1000} or less.`;
}

/** Sizes by the shapes of the weights. Context and gate have the same ones: which of them it is a person says. */
export function titansSizes(shapeOf: (name: string) => readonly number[] | undefined): Partial<TitansParameters> {
  const [queries, kernel, step] = ['to_queries', 'conv_queries', 'to_adaptive_step'].map((name) =>
    shapeOf(`${name}.weight`),
  );
  if (!queries || !kernel || !step) return {};
  const [width, heads] = [queries[1]!, step[0]!];
  const alone = shapeOf('attention.to_q.weight') === undefined;
  let depth = 0;
  while (shapeOf(memoryWeightName(depth))) depth++;
  const hidden = shapeOf(memoryWeightName(0))?.[2];
  const persistent = shapeOf('persistent_memory')?.[0];
  return {
    width,
    heads,
    kernel: kernel[2]!,
    ...(depth > 0 ? { depth } : {}),
    ...(depth > 1 && hidden !== undefined ? { expansion: (hidden * heads) / width } : {}),
    ...(persistent === undefined ? {} : { persistent }),
    ...(shapeOf('to_gate.weight') ? { form: alone ? 'memory' : 'layer' } : {}),
  };
}
