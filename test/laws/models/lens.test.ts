import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { lensProblem } from '../../../models/architectures/lens-graph';
import type { LayerTap } from '../../../models/instrument/taps';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyModels } from '../../support/checkpoints/tiny-models';

const n = ids.length;
const floats = (data: unknown): Float32Array => {
  assert.ok(data instanceof Float32Array);
  return data;
};

for (const tiny of tinyModels) {
  describe(`lens of ${tiny.name}`, () => {
    let opened: OpenTiny;
    before(async () => {
      opened = await openTiny(tiny);
    });
    after(() => opened.close());

    const lens = async (
      part: Float32Array,
      residual: Float32Array,
      tokens?: readonly number[],
    ): Promise<Float32Array> => {
      const { spec, sessions } = opened.model;
      const session = await sessions.session({ kind: 'lens', tokens: tokens !== undefined });
      const shape = [1, n, spec.hiddenSize];
      const { logits } = await session.run({
        residual: { data: residual, shape },
        part: { data: part, shape },
        ...(tokens ? { token_ids: { data: BigInt64Array.from(tokens, BigInt), shape: [tokens.length] } } : {}),
      });
      return floats(logits?.data);
    };

    it('parts of the stream sum to the logits of the head, less what zeros would give', async function () {
      const { spec, sessions } = opened.model;
      const refused = lensProblem(spec);
      if (refused !== undefined) {
        assert.match(refused, /no language head|not a linear map/);
        await assert.rejects(
          sessions.session({ kind: 'lens', tokens: false }),
          /not a linear map of the residual stream/,
        );
        return;
      }
      const taps = spec.blocks.flatMap(({ index }) =>
        (['attention.output', 'mlp_output', 'residual', 'residual.input'] as const).map((tap: LayerTap) => ({
          layer: index,
          tap,
        })),
      );
      const run = await runPrompt(spec, sessions, { ids, chunk: n, logits: 'all', taps });
      const tapOf = (layer: number, tap: LayerTap) => floats(run.layers[layer]?.taps[tap]?.data);
      const last = spec.blocks.length - 1;
      const whole = tapOf(last, 'residual');
      // With norms on the sums the blocks' outputs are not parts of the stream; the stream itself always is.
      const sums = spec.blocks.some(
        ({ attentionNorms, feedForwardNorms }) => attentionNorms.after ?? feedForwardNorms.after,
      );
      const parts = sums
        ? [whole]
        : [
            tapOf(0, 'residual.input'),
            ...spec.blocks.flatMap(({ index }) => [tapOf(index, 'attention.output'), tapOf(index, 'mlp_output')]),
          ];
      const total = new Float64Array(n * opened.model.summary.vocabulary);
      for (const part of parts) (await lens(part, whole)).forEach((value, i) => (total[i] = (total[i] ?? 0) + value));

      const { norm, project, vocabulary, softcap } = spec.head;
      const { parameters } = opened;
      const biases = (name: string | undefined) => (name === undefined ? undefined : parameters.vector(name));
      assert.ok(vocabulary);
      const table = parameters.matrix(vocabulary.weight);
      const offset = project ? undefined : biases(norm?.bias);
      const own = biases(vocabulary.bias);
      const logits = floats(run.logits?.data);
      logits.forEach((logit, i) => {
        const token = i % table.length;
        const rest = (own?.[token] ?? 0) + (offset?.reduce((sum, b, c) => sum + b * (table[token]?.[c] ?? 0), 0) ?? 0);
        const uncapped = softcap === undefined ? logit : softcap * Math.atanh(logit / softcap);
        const difference = Math.abs((total[i] ?? 0) + rest - uncapped);
        assert.ok(difference <= 5e-5, `logit ${i} differs by ${difference}`);
      });
      const tokens = [5, 0, 17];
      const picked = await lens(whole, whole, tokens);
      const all = await lens(whole, whole);
      for (let row = 0; row < n; row++) {
        tokens.forEach((token, at) => {
          const difference = (picked[row * tokens.length + at] ?? 0) - (all[row * table.length + token] ?? Number.NaN);
          assert.ok(Math.abs(difference) <= 1e-5, `token ${token} differs by ${difference}`);
        });
      }
    });
  });
}
