/** AMP: scores by hand, gains of 0 against the checkpoint that is written, and a model whose noise is planted. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { amp } from '../../../diagnostics/plans/amp/analysis';
import type { AmpResult } from '../../../diagnostics/plans/amp/result';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import type { Tensors } from '../../support/safetensors-file';
import { llamaLike, tinyTensors } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
const usual = { curve: '', compared: false, share: 0.2 };

const attentionOutput = async (model: ModelRunner, head?: number): Promise<Float32Array> => {
  const { layers } = await model.run({
    ids,
    variants: [head === undefined ? [] : [{ kind: 'gain', layer: 0, head, gain: 0 }]],
    taps: [{ layer: 0, tap: 'attention.output' }],
    logits: 'none',
  });
  const data = layers[0]?.taps['attention.output']?.data;
  assert.ok(data instanceof Float32Array);
  return data;
};

describe('amp', () => {
  const opened: { close(): Promise<void> }[] = [];
  after(async () => {
    for (const one of opened) await one.close();
  });
  const planted = async (model: ReturnType<typeof llamaLike>, tensors: Tensors): Promise<OpenPlanted> => {
    const made = await openPlanted({ config: model.config, tensors });
    opened.push(made);
    return made;
  };
  const multiplied = (tensors: Tensors, name: string, factor: (row: number, column: number) => number): Tensors => {
    const { shape, data } = tensors.get(name)!;
    const width = shape[1]!;
    return new Map([
      ...tensors,
      [name, { shape, data: data.map((value, at) => value * factor(Math.floor(at / width), at % width)) }],
    ]);
  };
  const scoresOf = async (model: OpenPlanted, parameters: ParameterValues = {}): Promise<AmpResult> =>
    resultFor(model.model, amp, { input, parameters: { ...usual, ...parameters } });

  it('a score is the mean L1 change of what attention writes when the head alone is removed', async () => {
    const tiny = await openTiny('llama');
    opened.push(tiny);
    const runner = runnerOf(tiny.model);
    const plain = await attentionOutput(runner);
    const { scores, unitScores } = await resultFor(tiny.model, amp, { input, parameters: usual });
    for (const [head, score] of scores[0]!.entries()) {
      const without = await attentionOutput(runner, head);
      const change = plain.reduce((sum, value, at) => sum + Math.abs(value - without[at]!), 0) / ids.length;
      assert.ok(Math.abs(change - score) < 1e-5 * (1 + score), `head ${head}: ${change}, ${score}`);
    }
    const { layers } = await runner.run({ ids, taps: [{ layer: 1, tap: 'mlp_units' }], logits: 'none' });
    const { data, shape } = layers[1]!.taps.mlp_units!;
    const units = shape.at(-1)!;
    let sum = 0;
    for (let row = 0; row < ids.length; row++) sum += Math.abs(Number(data[row * units + 5]));
    assert.ok(Math.abs(unitScores[1]![5]! - sum / ids.length) < 1e-9);
  });

  it('scaling what a head writes scales its score; a head that writes nothing goes first, and a unit without a gate', async () => {
    const model = llamaLike('llama-mha', 'llama', { num_key_value_heads: 4 });
    const tensors = tinyTensors(model);
    const [output, gate] = ['model.layers.0.self_attn.o_proj.weight', 'model.layers.0.mlp.gate_proj.weight'];
    const before = await scoresOf(await planted(model, tensors));
    const scaled = multiplied(tensors, output, (_, column) => (column >= 8 && column < 16 ? -3 : 1));
    const three = await scoresOf(await planted(model, scaled));
    assert.ok(Math.abs(three.scores[0]![1]! / before.scores[0]![1]! - 3) < 1e-5);
    assert.ok(Math.abs(three.scores[0]![2]! / before.scores[0]![2]! - 1) < 1e-5);
    const silent = multiplied(
      multiplied(tensors, output, (_, column) => (column >= 16 && column < 24 ? 0 : 1)),
      gate,
      (row) => (row === 7 ? 0 : 1),
    );
    const zero = await scoresOf(await planted(model, silent));
    assert.equal(zero.scores[0]![2], 0);
    assert.equal(zero.unitScores[0]![7], 0);
    assert.deepEqual(zero.removed[0]!.groups, [2]);
    assert.ok(zero.removed[0]!.units.includes(7));
  });

  it('what a head always writes alike counts for nothing in the centred score', async () => {
    const model = llamaLike('llama-mha', 'llama', { num_key_value_heads: 4 });
    const tiny = await planted(model, tinyTensors(model));
    const centred = await scoresOf(tiny, { criterion: 'centred' });
    // Where one token is repeated, every head writes the same at every position, as values are not rotated.
    const same = { kind: 'prompt', prompt: { kind: 'ids', ids: new Array<number>(12).fill(5) } } as const;
    const constant = await resultFor(tiny.model, amp, {
      input: same,
      parameters: { ...usual, criterion: 'centred' },
    });
    for (const [head, score] of constant.scores[0]!.entries()) {
      assert.ok(score < 1e-4 * constant.magnitude[0]![head]!, `head ${head}: ${score}`);
      assert.ok(centred.scores[0]![head]! > 1e-2 * centred.magnitude[0]![head]!);
    }
  });

  it('noise that is planted goes first: the loss stays, in reverse it does not', async () => {
    const model = llamaLike('llama-noise', 'llama', { num_key_value_heads: 4 });
    let tensors: Tensors = tinyTensors(model);
    for (const layer of [0, 1]) {
      const at = `model.layers.${layer}`;
      tensors = multiplied(tensors, `${at}.self_attn.v_proj.weight`, (row) => (row >= 16 ? 1e-4 : 1));
      tensors = multiplied(tensors, `${at}.mlp.up_proj.weight`, (row) => (row >= 24 ? 1e-4 : 1));
    }
    const tiny = await planted(model, tensors);
    // Half of the heads and units: 2 of 4 heads, 24 of 48 units.
    const total = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
    const half = (2 * (4 * 32 * 32 + 3 * 32 * 48)) / 2 / total;
    const { removed, comparison, curve, loss } = await scoresOf(tiny, { share: half, curve: String(100 * half) });
    for (const { groups, units } of removed) {
      assert.deepEqual(groups, [2, 3]);
      assert.deepEqual(
        units,
        Array.from({ length: 24 }, (_, at) => 24 + at),
      );
    }
    const damage = Math.abs(comparison.after.loss - loss);
    assert.ok(damage < 1e-3, `${damage}`);
    assert.ok(Math.abs(curve[1]!.reversed - loss) > 20 * damage, `${curve[1]!.reversed}, ${loss}`);
  });

  for (const family of ['llama', 'phi3', 'qwen2', 'gemma2']) {
    it(`a checkpoint of ${family} is the model with gains of 0, as large as the table says`, async () => {
      const root = mkdtempSync(join(tmpdir(), 'headscope-amp-'));
      const tiny = await openTiny(family);
      opened.push(tiny);
      try {
        const emulated = await resultFor(tiny.model, amp, { input, parameters: { ...usual, share: 0.3 } });
        const folder = join(root, 'pruned');
        const { surgery, comparison, removed } = await resultFor(tiny.model, amp, {
          input,
          parameters: { ...usual, share: 0.3, folder },
        });
        assert.ok(surgery !== null && surgery < 1e-5, `${surgery}`);
        assert.ok(removed[0]!.groups.length > 0 && removed[0]!.units.length > 0);
        assert.deepEqual(readdirSync(root), ['pruned']);
        const { after, written } = comparison;
        const of = ({ parameters, weightBytes, kvBytesPerToken }: typeof after) => [
          parameters,
          weightBytes,
          kvBytesPerToken,
        ];
        assert.deepEqual(of(after), of(emulated.comparison.after));
        const made = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
        assert.equal(made.summary.hash, written!.hash);
        assert.deepEqual(made.summary.notes ?? [], []);
        await made.sessions.release();
      } finally {
        rmSync(root, { recursive: true });
      }
    });
  }

  it('a share of 0 gives the same bits', async () => {
    const root = mkdtempSync(join(tmpdir(), 'headscope-amp-'));
    const tiny = await openTiny('llama');
    opened.push(tiny);
    try {
      const parameters = { ...usual, share: 0, folder: join(root, 'same') };
      const { surgery, comparison } = await resultFor(tiny.model, amp, { input, parameters });
      assert.equal(surgery, 0);
      assert.equal(comparison.after.loss, comparison.before.loss);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('a family without a head width in its config is refused before anything is measured', async () => {
    const tiny = await openTiny('gpt2');
    opened.push(tiny);
    const folder = join(tmpdir(), 'headscope-never');
    await assert.rejects(resultFor(tiny.model, amp, { input, parameters: { ...usual, folder } }), {
      message: /gpt2 config has no head width/,
    });
    assert.ok((await resultFor(tiny.model, amp, { input, parameters: usual })).realised > 0);
  });
});
