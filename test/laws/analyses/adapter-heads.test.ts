/** Which heads an adapter moved: planted in one head, none where it adds nothing, and norms from the definition. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { adapterHeads } from '../../../diagnostics/patterns/adapter-heads/analysis';
import type { AdapterHeadsResult } from '../../../diagnostics/patterns/adapter-heads/result';
import { movedHeads } from '../../../diagnostics/patterns/adapter-heads/sections';
import { largestSingularValue } from '../../../diagnostics/patterns/adapter-heads/spectral';
import { random } from '../../../kernels/tensors/random';
import { promptIds as ids } from '../../support/checkpoints/open-tiny';
import { tinyModel, tinyTensors, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { writeTensors } from '../../support/quantised/folder';
import { floats } from '../../support/quantised/matrix';
import { resultFor } from './one-run';

const llama = tinyModel('llama');
const [headDim, width, rank] = [8, 32, 2];
const query = 'model.layers.1.self_attn.q_proj';

describe('heads that an adapter moved', () => {
  let room: string;
  let base: string;
  const opened: LoadedModel[] = [];
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-adapter-heads-'));
    base = join(room, 'base');
    writeTinyModel(base, llama);
  });
  afterEach(async () => {
    for (const { sessions } of opened.splice(0)) await sessions.release();
  });
  after(() => rmSync(room, { recursive: true }));

  const analysed = async (adapter: string | undefined, against = ''): Promise<AdapterHeadsResult> => {
    const model = await openModel(base, { device: 'cpu', threads: 1, limitBytes: 1e9, adapter });
    opened.push(model);
    return resultFor(model, adapterHeads, {
      input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
      parameters: { against },
    });
  };
  /** An adapter on the queries of a layer, [rank, width] and [outputs, rank]. */
  const write = (name: string, a: Float32Array, b: Float32Array): string => {
    const folder = join(room, name);
    mkdirSync(folder);
    const config = { peft_type: 'LORA', r: rank, lora_alpha: 6, base_model_name_or_path: 'base' };
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config));
    const parts = [
      [`base_model.model.${query}.lora_A.weight`, floats(a, [rank, width], 'F32')],
      [`base_model.model.${query}.lora_B.weight`, floats(b, [b.length / rank, rank], 'F32')],
    ] as const;
    writeTensors(join(folder, 'adapter_model.safetensors'), new Map(parts));
    return folder;
  };
  const draws = random(7);
  const some = (length: number): Float32Array => Float32Array.from({ length }, () => 0.4 * draws.normal());
  const near = (found: number, expected: number): void =>
    assert.ok(Math.abs(found - expected) <= 1e-6 * Math.abs(expected), `${found}, not ${expected}`);

  it('one of them is found first, with the norms of its change', async () => {
    const outputs = tinyTensors(llama).get(`${query}.weight`)?.shape[0] ?? 0;
    const [a, b] = [some(rank * width), new Float32Array(outputs * rank)];
    b.set(some(headDim * rank), 2 * headDim * rank);
    const result = await analysed(write('one-head', a, b));
    const moved = movedHeads(result);
    assert.deepEqual([moved[0]?.layer, moved[0]?.head], [1, 2]);
    assert.equal(moved.filter(({ weights }) => weights > 0).length, 1);
    // 3 B A by its definition, scaling alpha over rank.
    const change = Array.from({ length: headDim * width }, (_, at) => {
      const [row, column] = [2 * headDim + Math.floor(at / width), at % width];
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (b[row * rank + k] ?? 0) * (a[k * width + column] ?? 0);
      return 3 * sum;
    });
    const stored = (name: string): Float32Array => tinyTensors(llama).get(name)?.data ?? assert.fail(name);
    const squares = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value * value, 0);
    const rows = (part: string, head: number): Float32Array =>
      stored(`model.layers.1.self_attn.${part}.weight`).subarray(head * headDim * width, (head + 1) * headDim * width);
    near(result.query[1]![2]!, Math.sqrt(squares(change) / squares(rows('q_proj', 2))));
    const { heads, kvHeads } = {
      heads: outputs / headDim,
      kvHeads: stored('model.layers.1.self_attn.k_proj.weight').length / width / headDim,
    };
    const shared = Math.floor(2 / (heads / kvHeads));
    const written = stored('model.layers.1.self_attn.o_proj.weight').filter(
      (_, at) => Math.floor((at % outputs) / headDim) === 2,
    );
    const whole =
      squares(rows('q_proj', 2)) + squares(rows('k_proj', shared)) + squares(rows('v_proj', shared)) + squares(written);
    near(result.weights[1]![2]!, Math.sqrt(squares(change) / whole));
    // Two singular values: their squares add up to the Frobenius norm, and their product is the volume of the rows of 3 B A in rank two.
    const gram = (matrix: ArrayLike<number>, count: number, columns: number, byColumn: boolean): number[] =>
      Array.from({ length: count * count }, (_, at) => {
        let sum = 0;
        for (let i = 0; i < columns; i++) {
          const of = (row: number): number => matrix[byColumn ? i * count + row : row * columns + i] ?? 0;
          sum += of(Math.floor(at / count)) * of(at % count);
        }
        return sum;
      });
    const own = b.subarray(2 * headDim * rank, 3 * headDim * rank);
    const [ga, gb] = [gram(a, rank, width, false), gram(own, rank, headDim, true)];
    const determinant = ([p = 0, q = 0, r = 0, s = 0]: number[]): number => p * s - q * r;
    const trace = squares(change);
    const volume = 81 * determinant(ga) * determinant(gb);
    const largest = Math.sqrt((trace + Math.sqrt(trace * trace - 4 * volume)) / 2);
    near(result.spectral[1]![2]!, largest / Math.sqrt(whole));
    result.maps.forEach((row, layer) =>
      row.forEach((value, head) => layer <= 1 && assert.equal(value > 0, layer === 1 && head === 2)),
    );
    assert.ok(result.outputs[1]![2]! > 0 && result.divergence > 0);
    assert.deepEqual(
      result.tensors.map(({ tensor }) => tensor),
      [`${query}.weight`],
    );
    assert.match(
      adapterHeads.finding(result),
      /^The weights of 1 of \d+ heads differ from those of base, most of all those of L1H2/,
    );
  });

  it('none, where the adapter adds nothing', async () => {
    const outputs = tinyTensors(llama).get(`${query}.weight`)?.shape[0] ?? 0;
    const result = await analysed(write('identity', some(rank * width), new Float32Array(outputs * rank)));
    for (const part of ['query', 'key', 'value', 'output', 'weights', 'spectral', 'maps', 'outputs'] as const)
      for (const value of result[part].flat()) assert.equal(value, 0, part);
    assert.deepEqual([result.divergence, result.agree, result.tensors], [0, 1, []]);
    assert.match(adapterHeads.finding(result), /^Nothing differs from base/);
  });

  it('are asked for with an adapter, or with a base that is named', async () => {
    const facts = { predicts: true, summary: { causal: true } } as never;
    const refused = adapterHeads.supports(facts, { against: '' });
    assert.match(refused.ok ? '' : refused.why, /The model has no adapter\. Choose one as "Adapter"/);
    assert.match(adapterHeads.finding(await analysed(undefined, base)), /^Nothing differs from base/);
  });

  it('the largest singular value of a matrix with known ones', () => {
    // diag(3, 2) turned by 30 degrees on either side.
    const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
    const matrix = Float64Array.from([
      3 * c * c + 2 * s * s,
      3 * c * s - 2 * s * c,
      3 * s * c - 2 * c * s,
      3 * s * s + 2 * c * c,
    ]);
    near(largestSingularValue(matrix, 2), 3);
    assert.equal(largestSingularValue(new Float64Array(4), 2), 0);
  });
});
