/** Scores of RazorAttention on models whose heads are known, and against the definition over whole maps. */
import { gainsOf } from '../../../models/instrument/changes/gain';
import assert from 'node:assert/strict';
import { razorAttentionPlan } from '../../../diagnostics/plans/razorattention/analysis';
import { razorProbe, uniformScore } from '../../../diagnostics/plans/razorattention/probe';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { plantedCircuit, vocabulary } from '../../support/checkpoints/planted-circuit';
import { runnerOf } from '../../support/model-jobs';
import { answerFor, resultFor } from './one-run';

const input = { kind: 'none' } as const;
const near = (found: number | undefined, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(Number(found) - expected) < tolerance, `${found}, not ${expected}`);

/** The planted circuit, whose head L0H1 looks for its own token among all that came before. */
function withEcho() {
  const made = plantedCircuit();
  const joint = made.tensors.get('transformer.h.0.attn.c_attn.weight');
  assert.ok(joint);
  const [rows = 1, columns = 1] = joint.shape;
  const headDim = columns / 6;
  const tokenAt = rows - 2 * vocabulary;
  for (let token = 0; token < vocabulary; token++) {
    for (const part of [0, 1]) joint.data[(tokenAt + token) * columns + part * 2 * headDim + headDim + token] = 2;
  }
  return made;
}

describe('RazorAttention on known heads', () => {
  let planted: OpenPlanted;
  before(async () => {
    planted = await openPlanted(withEcho());
  });
  after(() => planted.close());

  it('ranks the planted induction head and the planted echo head first; a head that reads all alike has the uniform score', async () => {
    const asked = { input, parameters: { induction: 0.25, echo: 0.25, recent: 8 } };
    const result = await resultFor(planted.model, razorAttentionPlan, asked);
    // 80 positions have room for a beginning and 4 x 19 tokens.
    assert.equal(result.period, 19);
    assert.deepEqual(result.inductionHeads, [{ layer: 1, head: 0 }]);
    assert.deepEqual(result.echoHeads, [{ layer: 0, head: 1 }]);
    near(result.induction[1]?.[0], 1, 1e-3);
    near(result.echo[1]?.[0], 0, 1e-3);
    // It reads its own token as much as each earlier copy: 1/2, 2/3 and 3/4 of three copies.
    near(result.echo[0]?.[1], (1 / 2 + 2 / 3 + 3 / 4) / 3, 1e-3);
    near(result.induction[0]?.[1], 0, 1e-3);
    near(result.induction[1]?.[1], uniformScore(19, 1), 1e-6);
    near(result.echo[1]?.[1], uniformScore(19, 1), 1e-6);
    assert.equal(result.uniform, uniformScore(19, 1));

    // Bytes are counted as far as the model reads.
    assert.deepEqual(
      result.bytes.map(({ tokens }) => tokens),
      [20, 40, 80],
    );
    assert.match(razorAttentionPlan.finding(result), /The caches shrink by a factor of \S+ at 80 tokens\./);

    const place = { kind: 'head', layer: 1, head: 0 } as const;
    const question = { section: 'kv-heads', place };
    const map = await answerFor(planted.model, razorAttentionPlan, asked, result, question);
    assert.ok(
      map.kind === 'map' && map.attentionOf === undefined,
      'the probe is no prompt whose weights are explained',
    );
    // Row 20 is the first token of the second copy; what followed it stands at 2.
    near(map.values[20]?.[2], 1, 1e-3);
  });

  it('without the head that it names the copy is lost, without the head that does nothing it stays', async () => {
    const model = runnerOf(planted.model);
    const { ids, period, lead } = razorProbe(model.facts, 19, 3);
    const rows = Array.from({ length: period }, (_, i) => lead + 3 * period - 1 + i);
    const without = (layer: number, head: number) => gainsOf([{ layer, head }], 0);
    const [whole = 0, copier = 0, idle = 0] = await model.losses({ ids }, rows, [[], without(1, 0), without(1, 1)]);
    near(idle, whole, 1e-6);
    assert.ok(whole < 1, `${whole}`);
    assert.ok(copier > Math.log(vocabulary), `${copier}`);
  });

  it('equals the definition, summed over the whole map of every head', async () => {
    const tiny = await openTiny('llama');
    try {
      const model = runnerOf(tiny.model);
      const result = await resultFor(tiny.model, razorAttentionPlan, { input, seed: 4 });
      const { ids, period: K, lead } = razorProbe(model.facts, 512, 4);
      const maps = model.facts.blocks.flatMap(({ heads }, layer) =>
        Array.from({ length: heads }, (_, head) => ({ layer, head })),
      );
      const run = await model.run({ ids, maps, logits: 'none' });
      for (const { layer, head } of maps) {
        const map = run.layers[layer]?.maps.get(head);
        const p = (i: number, j: number): number => map?.[(i + lead) * ids.length + j + lead] ?? Number.NaN;
        let [echo, induction] = [0, 0];
        for (let i = K; i < 4 * K; i++) {
          for (let j = i - K; j >= 0; j -= K) {
            echo += p(i, j) / (3 * K);
            induction += p(i, j + 1) / (3 * K);
          }
        }
        near(result.echoScores[layer]?.[head], echo, 1e-6);
        near(result.inductionScores[layer]?.[head], induction, 1e-6);
      }
      const [layer] = result.inductionScores;
      assert.ok(layer && layer.length > (result.induction[0]?.length ?? 0), 'query heads share keys and values');
    } finally {
      await tiny.close();
    }
  });
});
