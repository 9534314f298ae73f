/** A Titans block in a graph: the memories chunk by chunk, attention in segments or windows (definition.ts has the equations). */
import { additiveMask } from '../../graph/attention-graph';
import { scan } from '../../graph/operators/control';
import { add, multiply, sigmoid } from '../../graph/operators/elementwise';
import { concat, expand, filled, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { rmsNormalization } from '../../graph/operators/normalize';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import {
  carryOf,
  decaysOf,
  flatCarry,
  learnChunk,
  lowerTriangle,
  mapped,
  readRows,
  unitRows,
  type CarriedMemory,
  type ChunkRows,
  type GateValues,
} from '../../mechanisms/titans/memory-graph';
import { forwardOf } from '../../mechanisms/titans/network-graph';
import type { ModuleGraph } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { normEpsilon } from './definition';
import {
  headWidth,
  learnedBefore,
  memoryOrder,
  memoryShape,
  memoryWeightName,
  type TitansParameters,
} from './parameters';

const layer = (graph: ModuleGraph, x: Value, name: string): Value => linearLayer(x, graph.weight(`${name}.weight`));
const norm = (graph: ModuleGraph, x: Value, name: string): Value =>
  rmsNormalization(x, graph.weight(`${name}.weight`), normEpsilon);
const silu = (x: Value): Value => multiply(x, sigmoid(x));

/** [b, n, D] to [b, h, n, d] and back. */
function apart(x: Value, heads: number): Value {
  const [batch, rows, width] = x.shape.map(Number) as [number, number, number];
  return transpose(reshape(x, [batch, rows, heads, width / heads]), [0, 2, 1, 3]);
}
function together(x: Value): Value {
  const [batch, heads, rows, d] = x.shape.map(Number) as [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, rows, heads * d]);
}

/**
 * Convolved projection of rows [b, n, D] behind `tail` [b, k - 1, D] (zeros where left out), as a sum over the k taps; heads apart.
 */
function projected(graph: ModuleGraph, u: Value, name: string, parameters: TitansParameters, tail?: Value): Value {
  const { kernel, width, heads } = parameters;
  const rows = Number(u.shape[1]);
  const y = layer(graph, tail ? concat([tail, u], 1) : u, `to_${name}`);
  const behind = tail ? y : pad(y, 1, kernel - 1, 0);
  const weights = graph.weight(`conv_${name}.weight`);
  let total: Value | undefined;
  for (let tap = 0; tap < kernel; tap++) {
    const part = multiply(slice(behind, 1, tap, tap + rows), reshape(slice(weights, 2, tap, tap + 1), [width]));
    total = total ? add(total, part) : part;
  }
  return apart(total!, heads);
}

/** forget, learn and keep of rows at the tokens from `first` on (none where the order of tokens is not known), [b, h, n, 1]. */
function gatesOf(graph: ModuleGraph, u: Value, parameters: TitansParameters, masks: GateMasks): GateValues {
  const { momentum, forgetting, rate } = parameters;
  const gate = (name: string): Value =>
    unsqueeze(transpose(sigmoid(add(layer(graph, u, name), graph.weight(`${name}.bias`))), [0, 2, 1]), 3);
  const learn = gate('to_adaptive_step');
  const step = rate === 1 ? learn : multiply(learn, rate);
  const forget = forgetting ? gate('to_decay_factor') : undefined;
  const { open, kept } = masks;
  return {
    ...(forget ? { forget: kept ? add(multiply(forget, kept), add(multiply(kept, -1), 1)) : forget } : {}),
    learn: open ? multiply(step, open) : step,
    ...(momentum ? { keep: gate('to_momentum') } : {}),
  };
}

/** 0 where nothing is learned, 0 where everything before is forgotten, else 1: [n, 1] by the order of the tokens. */
interface GateMasks {
  readonly open?: Value | undefined;
  readonly kept?: Value | undefined;
}

function masksOf(graph: ModuleGraph, rows: number, parameters: TitansParameters): GateMasks {
  const { freeze, reset } = parameters;
  const before = learnedBefore(parameters);
  const mask = (on: (token: number) => boolean): Value =>
    graph.constant(
      [rows, 1],
      Array.from({ length: rows }, (_, row) => (on(row - before) ? 1 : 0)),
    );
  return {
    ...(freeze > 0 ? { open: mask((token) => token < freeze) } : {}),
    ...(reset > 0 ? { kept: mask((token) => token !== reset) } : {}),
  };
}

/** Queries and keys of length 1, values and decays of rows, [b, h, n, .]. */
function memoryRows(
  graph: ModuleGraph,
  u: Value,
  parameters: TitansParameters,
  masks: GateMasks,
  tail?: Value,
): ChunkRows {
  return {
    query: unitRows(projected(graph, u, 'queries', parameters, tail)),
    key: unitRows(projected(graph, u, 'keys', parameters, tail)),
    value: silu(projected(graph, u, 'values', parameters, tail)),
    ...decaysOf(gatesOf(graph, u, parameters, masks)),
  };
}

function initialCarry(graph: ModuleGraph, { batch, depth, momentum }: TitansParameters): CarriedMemory {
  const memory = Array.from({ length: depth }, (_, at) => {
    const weight = graph.weight(memoryWeightName(at));
    const [heads, rows, columns] = weight.shape.map(Number) as [number, number, number];
    return expand(reshape(weight, [1, heads, 1, rows, columns]), [batch, heads, 1, rows, columns]);
  });
  return { memory, surprise: momentum ? memory.map((each) => multiply(each, 0)) : [] };
}

/** The memories alone over rows [b, n, D]: [b, n, D]. */
function remembered(graph: ModuleGraph, u: Value, parameters: TitansParameters): Value {
  const rows = Number(u.shape[1]);
  const prepared = memoryRows(graph, u, parameters, masksOf(graph, rows, parameters));
  return together(
    readRows(prepared, initialCarry(graph, parameters), memoryShape(parameters, rows), memoryOrder(parameters)),
  );
}

const gated = (graph: ModuleGraph, memory: Value, attention: Value): Value =>
  multiply(sigmoid(norm(graph, memory, 'memory_norm')), norm(graph, attention, 'attention_norm'));

const persistentRows = (graph: ModuleGraph, { persistent, batch, width }: TitansParameters): Value | undefined =>
  persistent > 0 ? expand(unsqueeze(graph.weight('persistent_memory'), 0), [batch, persistent, width]) : undefined;

/** Blocks of a window of rows: queries read their own block and the one before. */
export function blocksOf(rows: number, window: number) {
  const size = Math.min(rows, window);
  return { size, count: Math.ceil(rows / size) };
}

/** Attention of rows [b, n, D] in a window, `prefix` [b, p, D] visible to all. */
function inWindow(graph: ModuleGraph, u: Value, prefix: Value | undefined, parameters: TitansParameters): Value {
  const { batch, heads, window } = parameters;
  const rows = Number(u.shape[1]);
  const d = headWidth(parameters);
  const { size, count } = blocksOf(rows, window);
  const part = (x: Value, name: string): Value => apart(layer(graph, x, `attention.to_${name}`), heads);
  const cut = (x: Value): Value => reshape(pad(x, 2, 0, count * size - rows), [batch, heads, count, size, d]); // [b, h, T, W, d]
  const before = (x: Value): Value => pad(slice(x, 2, 0, count - 1), 2, 1, 0);
  const extended = (name: string): Value => {
    const own = cut(part(u, name));
    const shown = prefix && expand(unsqueeze(part(prefix, name), 2), [batch, heads, count, Number(prefix.shape[1]), d]);
    return concat([...(count > 1 ? [before(own)] : []), own, ...(shown ? [shown] : [])], 3);
  };
  const [keys, values] = [extended('k'), extended('v')];
  const columns = Number(keys.shape[3]);
  const earlier = count > 1 ? size : 0;
  const scores = fusedMatmul(cut(part(u, 'q')), keys, { transposeB: true, scale: d ** -0.5 });
  const own = additiveMask(scores, size, columns, (i, j) => {
    const key = j - earlier;
    return key >= size || (key <= i && key > i - window);
  });
  const first = additiveMask(scores, count, columns, (t, j) => t > 0 || j >= earlier);
  const masked = add(add(scores, own), reshape(first, [count, 1, columns]));
  const output = reshape(matmul(softmax(masked), values), [batch, heads, count * size, d]);
  return layer(graph, together(slice(output, 2, 0, rows)), 'attention.to_out');
}

/** Segments one after another, each with its answers of the memory before it. */
function inContext(graph: ModuleGraph, u: Value, parameters: TitansParameters): Value {
  const { batch, tokens, heads, width, kernel, persistent } = parameters;
  const d = headWidth(parameters);
  const { size, length, count } = contextSegments(parameters);
  const whole = count * length;
  const cut = (x: Value): Value => {
    const axis = x.shape.length - 2;
    const padded = pad(x, axis, 0, whole - tokens);
    const shape = x.shape.map(Number);
    if (axis === 1) return transpose(reshape(padded, [batch, count, length, width]), [1, 0, 2, 3]);
    return transpose(reshape(padded, [batch, shape[1]!, count, length, shape[3]!]), [2, 0, 1, 3, 4]);
  };
  const masks = masksOf(graph, whole, parameters);
  const given = Object.entries(masks).filter((entry): entry is [keyof GateMasks, Value] => entry[1] !== undefined);
  const prefix = persistentRows(graph, parameters);
  const [prefixKeys, prefixValues] = ['k', 'v'].map((name) =>
    prefix ? [apart(layer(graph, prefix, `attention.to_${name}`), heads)] : [],
  ) as [Value[], Value[]];
  const scanned = [
    cut(unitRows(projected(graph, u, 'queries', parameters))),
    cut(u),
    ...given.map(([, mask]) => reshape(mask, [count, length, 1])),
  ];
  const lower = lowerTriangle(u, size);
  const mask = additiveMask(u, length, 2 * length + persistent, (i, j) => j >= 2 * length || j % length <= i);
  const tail = kernel > 1 ? [filled(u, [batch, kernel - 1, width], 0)] : [];
  const first = [...flatCarry(initialCarry(graph, parameters)), ...tail];
  const { outputs } = scan(first, scanned, (states, [queries, rows, ...open]) => {
    const order = memoryOrder(parameters);
    const before = kernel > 1 ? states.at(-1) : undefined;
    let carry = carryOf(kernel > 1 ? states.slice(0, -1) : states, order);
    const own = Object.fromEntries(given.map(([name], at) => [name, open[at]]));
    const answers = forwardOf(carry.memory, unsqueeze(queries!, 2)).at(-1)!.sum; // [b, h, 1, C, d]
    const over = concat([together(reshape(answers, [batch, heads, length, d])), rows!], 1);
    const part = (x: Value, name: string): Value => apart(layer(graph, x, `attention.to_${name}`), heads);
    const keys = concat([part(over, 'k'), ...prefixKeys], 2);
    const values = concat([part(over, 'v'), ...prefixValues], 2);
    const scores = fusedMatmul(part(rows!, 'q'), keys, { transposeB: true, scale: d ** -0.5 });
    const attention = together(matmul(softmax(add(scores, mask)), values));
    const y = layer(graph, attention, 'attention.to_out');
    const learned = mapped(memoryRows(graph, y, parameters, own, before), (x) => unsqueeze(x, 2));
    const reads: Value[] = [];
    for (let from = 0; from < length; from += size) {
      const { next, read } = learnChunk(
        carry,
        mapped(learned, (x) => slice(x, 3, from, from + size)),
        lower,
      );
      carry = next;
      reads.push(read);
    }
    const read = together(reshape(concat(reads, 3), [batch, heads, length, d]));
    const rest = kernel > 1 ? [slice(before ? concat([before, y], 1) : y, 1, length)] : [];
    return { states: [...flatCarry(carry), ...rest], outputs: [gated(graph, read, y)] };
  });
  return slice(reshape(transpose(outputs[0]!, [1, 0, 2, 3]), [batch, whole, width]), 1, 0, tokens);
}

/** Segments in whole chunks: of a sequence shorter than one, no more chunks than it fills. */
export function contextSegments({ tokens, window, chunk }: TitansParameters) {
  const size = Math.min(chunk, tokens);
  const length = Math.min(window, Math.ceil(tokens / size) * size);
  return { size, length, count: Math.ceil(tokens / length) };
}

export function titansGraph(graph: ModuleGraph, parameters: TitansParameters): Value {
  const { form, persistent } = parameters;
  const x = graph.input('x');
  const u = norm(graph, x, 'norm');
  const finish = (y: Value): Value => add(x, layer(graph, y, 'combine_heads'));
  if (form === 'context') return finish(inContext(graph, u, parameters));
  const prefix = form === 'memory' ? undefined : persistentRows(graph, parameters);
  const all = prefix ? concat([prefix, u], 1) : u;
  const read = remembered(graph, all, parameters);
  if (form === 'gate') {
    return finish(gated(graph, slice(read, 1, persistent), inWindow(graph, u, prefix, parameters)));
  }
  const mixed = multiply(norm(graph, read, 'memory_norm'), sigmoid(layer(graph, all, 'to_gate')));
  if (form === 'memory') return finish(mixed);
  const y = inWindow(graph, layer(graph, mixed, 'combine_heads'), undefined, parameters);
  return add(x, slice(y, 1, persistent));
}
