import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import assert from 'node:assert/strict';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import type { HeadMap } from '../../../diagnostics/model-runner/weights';
import { headOf } from '../../../diagnostics/shared/weights/head-of';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { Norm } from '../../../models/architectures/model-spec';
import type { LayerTap } from '../../../models/instrument/taps';
import { runnerOf } from '../../support/model-jobs';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyModels } from '../../support/checkpoints/tiny-models';

const layer = 1;
const taps: readonly LayerTap[] = [
  'residual.input',
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.output',
];

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(Number(found[i]) - Number(expected[i]));
    assert.ok(difference <= 2e-5, `${what} differs by ${difference} at ${i}`);
  }
}

const applied = ({ data, rows, columns, bias }: HeadMap, x: readonly number[]): number[] =>
  Array.from({ length: rows }, (_, row) =>
    x.reduce((sum, value, column) => sum + value * (data[row * columns + column] ?? 0), bias?.[row] ?? 0),
  );

for (const tiny of tinyModels) {
  describe(`weights of a head of ${tiny.name}`, () => {
    let opened: OpenTiny;
    before(async () => {
      opened = await openTiny(tiny);
    });
    after(() => opened.close());

    const run = async (replacements: readonly ReplacementChange[] = []) => {
      const { spec, sessions } = opened.model;
      const { layers } = await runPrompt(spec, sessions, {
        ids,
        chunk: ids.length,
        logits: 'none',
        variants: [replacements],
        taps: taps.map((tap) => ({ layer, tap })),
      });
      return (tap: LayerTap): Float32Array => {
        const data = layers[layer]?.taps[tap]?.data;
        assert.ok(data instanceof Float32Array);
        return data;
      };
    };

    /** In float64, from the parameters that were written. */
    const normed = (norm: Norm | undefined, x: readonly number[]): number[] => {
      if (!norm) return [...x];
      const { parameters } = opened;
      const centre = norm.kind === 'layer' ? x.reduce((sum, each) => sum + each, 0) / x.length : 0;
      const centred = x.map((each) => each - centre);
      const scale = 1 / Math.sqrt(centred.reduce((sum, each) => sum + each * each, 0) / x.length + norm.epsilon);
      const gain = parameters.vector(norm.weight ?? assert.fail());
      const bias = norm.bias === undefined ? undefined : parameters.vector(norm.bias);
      return centred.map((each, i) => each * scale * ((gain[i] ?? 0) + (norm.gainOffset ?? 0)) + (bias?.[i] ?? 0));
    };

    it('give query, key and value of the residual stream, and what the head adds to it', async () => {
      const { spec, weights, weightsFolder } = opened.model;
      const block = spec.blocks[layer];
      assert.ok(block);
      const { attention, attentionNorms } = block;
      const { heads, kvHeads, headDim: d, queryNorm, keyNorm, rope } = attention;
      const tap = await run();
      const width = spec.hiddenSize;
      const n = ids.length;
      const head = heads - 1;
      const shared = Math.floor(head / (heads / kvHeads));
      const found = headOf(await layerWeights(block, weights, weightsFolder), attention, head);
      const row = (data: Float32Array, slot: number, position: number, size: number): number[] =>
        Array.from(data.subarray((slot * n + position) * size, (slot * n + position + 1) * size));
      for (const position of [0, 7]) {
        const x = normed(attentionNorms.input, row(tap('residual.input'), 0, position, width));
        // The value of latent attention is its key, which is rotated.
        if (position === 0 || attention.projection.kind !== 'latent') {
          assertNear(row(tap('attention.value'), shared, position, d), applied(found.value, x), `value at ${position}`);
        }
        // Position 0 is not rotated.
        if (rope !== undefined && position > 0) continue;
        if (!queryNorm) assertNear(row(tap('attention.query'), head, position, d), applied(found.query, x), 'query');
        if (!keyNorm) assertNear(row(tap('attention.key'), shared, position, d), applied(found.key, x), 'key');
      }
      // What attention adds changes by the column of the output projection where one number of the head's output changes by 1.
      if (attentionNorms.output) return;
      const put = (value: number): ReplacementChange => ({
        kind: 'replacement',
        layer,
        target: 'head',
        head,
        data: Float32Array.from({ length: n * d }, (_, i) => (i % d === d - 1 ? value : 0)),
      });
      const [zero, one] = [await run([put(0)]), await run([put(1)])];
      const change = row(one('attention.output'), 0, 3, width).map(
        (value, i) => value - (zero('attention.output')[3 * width + i] ?? 0),
      );
      const unit = Array.from({ length: d }, (_, i) => (i === d - 1 ? 1 : 0));
      const gain = attentionNorms.gain === undefined ? undefined : opened.parameters.vector(attentionNorms.gain);
      assertNear(
        change,
        applied(found.output, unit).map((value, i) => value * (gain?.[i] ?? 1)),
        'output',
      );
    });

    it('rows of the vocabulary are the embeddings of the model, and the directions that move its logits', async () => {
      const runner = runnerOf(opened.model);
      const { tokens } = runner.weights;
      const { head, embedding, hiddenSize } = opened.model.spec;
      // BERT has a layer with an activation in front of its vocabulary.
      assert.equal(tokens === undefined, tiny.name === 'bert');
      if (!tokens) return;
      const count = 9;
      const first = 5;
      const row = (rows: Float32Array, at: number): Float32Array =>
        rows.subarray(at * hiddenSize, (at + 1) * hiddenSize);
      if (!embedding?.positions) {
        const some = Array.from({ length: count }, (_, at) => first + at);
        const rows = await tokens.embedding(first, count);
        (await runner.direct.embedded(some)).forEach((own, at) => assertNear(row(rows, at), own, `embedding ${at}`));
      }
      // A stream and its negative are read: norms divide both by one scale, and what is no part of the stream cancels.
      const x = Float32Array.from({ length: hiddenSize }, (_, i) => Math.sin(3 * i + 1));
      const [up = x, down = x] = await runner.direct.logits([x, x.map((value) => -value)]);
      const mean = head.norm?.kind === 'layer' ? x.reduce((sum, each) => sum + each, 0) / x.length : 0;
      const square = x.reduce((sum, each) => sum + (each - mean) ** 2, 0) / x.length;
      const scale = head.norm ? Math.sqrt(square + head.norm.epsilon) : 1;
      const { softcap } = head;
      const before = (logit = 0): number => (softcap === undefined ? logit : softcap * Math.atanh(logit / softcap));
      const rows = await tokens.unembedding(first, count);
      for (let at = 0; at < count; at++) {
        const along = row(rows, at).reduce((sum, value, i) => sum + value * (x[i] ?? 0), 0) / scale;
        assertNear([along], [(before(up[first + at]) - before(down[first + at])) / 2], `direction ${at}`);
      }
    });
  });
}
