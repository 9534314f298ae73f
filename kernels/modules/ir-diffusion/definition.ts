/**
 * Isolation and reposition attention (IR-Diffusion) of one target image with S reference images, one subject each. On a grid of
 * N = h w tokens with masks m_s (where subject s shall be in the target) and r_s (where it is in its reference):
 *
 *   isolation: the target token i does not read the target token j where i is of subject s and j of another subject;
 *   references: token i of m_s reads the tokens of r~_s in reference s, lambda added to these scores; one softmax over all;
 *   reposition: X~_s is the crop of X_s r_s in the box of r_s, resized into the box of m_s by nearest neighbours, and r~_s is r_s moved
 *   alike; keys and values are projected after the move. An empty m_s, or no reposition: X~_s = X_s and r~_s = r_s.
 *
 * Where masks overlap the smaller subject loses the shared area (of two equal ones the later).
 */
import type { Tensors } from '../../module';
import {
  joinHeads,
  linear,
  mapped,
  matrixProduct,
  reshaped,
  softmax,
  splitHeads,
  turned,
} from '../../module-parts/layers';
import { weightOf } from '../../module-parts/weights';
import { random, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export interface IsolationParameters extends Record<string, number | string | boolean> {
  readonly isolate: boolean;
  readonly references: string;
  readonly lambda: number;
  readonly dropout: number;
  readonly subjects: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly heads: number;
}

/** Masks [S, h, w], made disjoint. */
export function disjoint(masks: Tensor): Tensor {
  const [subjects, height, width] = masks.shape as [number, number, number];
  const n = height * width;
  const areas = Array.from({ length: subjects }, (_, s) =>
    masks.data.subarray(s * n, (s + 1) * n).reduce((total, value) => total + value, 0),
  );
  return mapped(masks, (value, at) => {
    const [s, token] = [Math.floor(at / n), at % n];
    const taken = areas.some(
      (area, t) => t !== s && masks.data[t * n + token]! > 0 && (area > areas[s]! || (area === areas[s]! && t < s)),
    );
    return taken ? 0 : value;
  });
}

interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The tight box of one mask of h x w numbers; undefined: empty. */
function boxOf(mask: Float64Array, width: number): Box | undefined {
  const places = Array.from(mask.keys()).filter((at) => mask[at]! > 0);
  if (places.length === 0) return undefined;
  const [rows, columns] = [places.map((at) => Math.floor(at / width)), places.map((at) => at % width)];
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  return { top, left, height: Math.max(...rows) - top + 1, width: Math.max(...columns) - left + 1 };
}

/** X~ [S, N, C] and r~ [S, N] of references [S, N, C]. */
export function reposition(
  references: Tensor,
  sources: Tensor,
  targets: Tensor,
): { readonly moved: Tensor; readonly mask: Tensor } {
  const [subjects, n, channels] = references.shape as [number, number, number];
  const width = sources.shape[2]!;
  const [moved, mask] = [zeros(references.shape), zeros([subjects, n])];
  for (let s = 0; s < subjects; s++) {
    const of = (x: Tensor): Float64Array => x.data.subarray(s * n, (s + 1) * n);
    const [from, to] = [boxOf(of(sources), width), boxOf(of(targets), width)];
    const rows = references.data.subarray(s * n * channels, (s + 1) * n * channels);
    if (!to) {
      moved.data.set(rows, s * n * channels);
      mask.data.set(of(sources), s * n);
      continue;
    }
    if (!from) continue;
    for (let i = 0; i < to.height; i++) {
      for (let j = 0; j < to.width; j++) {
        const row = from.top + Math.floor((i * from.height) / to.height);
        const column = from.left + Math.floor((j * from.width) / to.width);
        const source = row * width + column;
        if (of(sources)[source]! === 0) continue;
        const at = (to.top + i) * width + to.left + j;
        mask.data[s * n + at] = 1;
        moved.data.set(rows.subarray(source * channels, (source + 1) * channels), (s * n + at) * channels);
      }
    }
  }
  return { moved, mask };
}

/** 1 where a mask token of a subject is kept, [S, N]; drawn once. */
export const keptTokens = (subjects: number, n: number, dropout: number): Tensor => {
  const source = random(seedFor(0, 'mask dropout'));
  return mapped(zeros([subjects, n]), () => (source.uniform() >= dropout ? 1 : 0));
};

/** Whether a target token reads the reference of its subject: kept, or all of them where dropout would leave none. */
function readers(regions: Tensor, dropout: number): Tensor {
  const [subjects, height, width] = regions.shape as [number, number, number];
  const n = height * width;
  const kept = mapped(keptTokens(subjects, n, dropout), (value, at) => value * regions.data[at]!);
  const some = Array.from({ length: subjects }, (_, s) => kept.data.subarray(s * n, (s + 1) * n).some((x) => x > 0));
  return mapped(kept, (value, at) => (some[Math.floor(at / n)]! ? value : regions.data[at]!));
}

/** The output [1, N, C], and the attention [1, H, N, (S + 1) N or N] with the references first. */
export function isolated(
  inputs: Tensors,
  weights: Tensors,
  { isolate, references, lambda, dropout, heads }: IsolationParameters,
): { readonly output: Tensor; readonly attention: Tensor; readonly keys: Tensor } {
  const target = inputs['target']!;
  const [, n, channels] = target.shape as [number, number, number];
  const regions = disjoint(inputs['regions']!);
  const subjects = regions.shape[0]!;
  const others = references === 'none' ? 0 : subjects;
  const given = inputs['references']!;
  const flat = { moved: given, mask: reshaped(inputs['sources']!, [subjects, n]) };
  const { moved, mask } = references === 'reposition' ? reposition(given, inputs['sources']!, regions) : flat;
  const all = (others + 1) * n;
  const tokens = tensor([1, all, channels], joinedData(others > 0 ? moved.data : new Float64Array(0), target.data));
  const project = (x: Tensor, name: string): Tensor =>
    splitHeads(linear(x, weightOf(weights, `${name}.weight`)), heads);
  const [q, k, v] = [project(target, 'to_q'), project(tokens, 'to_k'), project(tokens, 'to_v')];
  const subjectOf = (token: number): number =>
    Array.from({ length: subjects }, (_, s) => s).findIndex((s) => regions.data[s * n + token]! > 0);
  const owner = Array.from({ length: n }, (_, token) => subjectOf(token));
  const reads = readers(regions, dropout);
  const bias = (i: number, key: number): number => {
    const [block, j] = [Math.floor(key / n), key % n];
    if (block < others) return reads.data[block * n + i]! > 0 && mask.data[block * n + j]! > 0 ? lambda : -Infinity;
    return isolate && owner[i]! >= 0 && owner[j]! >= 0 && owner[i] !== owner[j] ? -Infinity : 0;
  };
  const scores = matrixProduct(q, turned(k));
  const root = Math.sqrt(channels / heads);
  const attention = softmax(mapped(scores, (score, at) => score / root + bias(Math.floor(at / all) % n, at % all)));
  const read = joinHeads(matrixProduct(attention, v));
  const output = linear(read, weightOf(weights, 'to_out.0.weight'), weightOf(weights, 'to_out.0.bias'));
  return { output, attention, keys: k };
}

function joinedData(a: Float64Array, b: Float64Array): Float64Array {
  const data = new Float64Array(a.length + b.length);
  data.set(a);
  data.set(b, a.length);
  return data;
}
