/** Removed suppression: the MLP output that the definition gives in float64, in any chunks, beside other variants and decoded. */
import assert from 'node:assert/strict';
import { ServerDirectPaths } from '../../../compute-server/runner/direct-paths';
import { ServerWeights } from '../../../compute-server/runner/model-weights';
import { generateJob } from '../../../compute-server/model-calls/generate-job';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest, RunResult } from '../../../compute-server/model/run/stream/run-request';
import { range } from '../../../compute-server/model/run/graphs/runtime-arrays';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { tinyGemma4 } from '../../support/checkpoints/tiny-gemma4';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { dot } from '../../support/reference/vectors';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

const n = ids.length;
const { signal } = new AbortController();

const one = (text: string): Intervention => {
  const read = parseDo(text);
  assert.ok(read.ok, read.ok ? '' : read.why);
  return read.value;
};

async function run(
  { model }: OpenTiny,
  lists: readonly (readonly string[])[],
  extra: Partial<RunRequest> = {},
): Promise<RunResult> {
  const sequence = { ids: extra.ids ?? ids };
  const of = { opened: model, model, sequence, chunk: n, memoryLimit: 1e9, signal };
  const { variants } = await lower(
    of,
    lists.map((list) => list.map(one)),
  );
  const taps = model.spec.blocks.map(({ index: layer }) => ({ layer, tap: 'mlp_output' as const }));
  return runPrompt(model.spec, model.sessions, { ...sequence, variants, chunk: n, logits: 'all', taps, ...extra });
}

const data = (result: RunResult, layer: number): Float32Array => {
  const found = result.layers[layer]?.taps['mlp_output']?.data;
  assert.ok(found instanceof Float32Array);
  return found;
};
const logits = (result: RunResult): Float32Array => {
  assert.ok(result.logits?.data instanceof Float32Array);
  return result.logits.data;
};

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++) {
    const away = Math.abs(Number(found[i]) - Number(expected[i]));
    assert.ok(away <= tolerance, `${what}: ${found[i]} and ${expected[i]} at ${i}`);
  }
}

/** LayerNorm, RMSNorm with soft caps and norms behind branches, both branches in parallel, rows that carry more than the stream. */
for (const which of ['gpt2', 'gemma2', 'gpt_neox', 'llama', ...tinyGemma4.slice(1)]) {
  describe(`removed suppression on ${typeof which === 'string' ? which : which.name}`, () => {
    let tiny: OpenTiny;
    let plain: RunResult;
    let width = 0;
    before(async () => {
      tiny = await openTiny(which);
      width = tiny.model.spec.hiddenSize;
      plain = await run(tiny, [[]]);
    });
    after(() => tiny.close());

    /** By position: the direction, from the float64 stream that enters layer 1 and the weights on the host. */
    async function directions(): Promise<readonly (readonly number[])[]> {
      const { model, parameters } = tiny;
      const stream = tiny.tiny.run(parameters, ids).taps.get('layer.0.residual') ?? [];
      const { tokens } = new ServerWeights(model, signal);
      assert.ok(tokens);
      const { vocabulary } = model.summary;
      const unembedding = await tokens.unembedding(0, vocabulary);
      const rows = range(0, n).map((row) => Float32Array.from(stream.slice(row * width, (row + 1) * width)));
      const scores = await new ServerDirectPaths(model, signal).logits(rows);
      return Array.from({ length: n }, (_, row) => {
        const own = scores[row] ?? assert.fail();
        const token = own.indexOf(Math.max(...own));
        const direction = [...unembedding.subarray(token * width, (token + 1) * width)];
        const length = Math.sqrt(dot(direction, direction));
        return direction.map((value) => value / length);
      });
    }

    it('takes out the share of what the MLP adds against the token that leads before the layer', async () => {
      const u = await directions();
      const before = tiny.tiny.run(tiny.parameters, ids).taps.get('layer.1.mlp_output') ?? [...data(plain, 1)];
      for (const share of [1, 0.25]) {
        const expected = u.flatMap((direction, row) => {
          const m = before.slice(row * width, (row + 1) * width);
          const against = Math.min(0, dot(m, direction));
          return m.map((value, i) => value - share * against * (direction[i] ?? 0));
        });
        for (const chunk of [n, 7]) {
          const found = await run(tiny, [[`unsuppress:1=${share}`]], { chunk });
          near(data(found, 1), expected, 2e-5, `share ${share}, chunk ${chunk}`);
        }
        // Along the direction nothing is lower than before, and something is higher.
        const rises = u.map((direction, row) => {
          const at = [row * width, (row + 1) * width] as const;
          return dot(expected.slice(...at), direction) - dot(before.slice(...at), direction);
        });
        assert.ok(Math.min(...rises) > -1e-9 && Math.max(...rises) > 1e-3);
      }
    });

    it('changes no bit with share 0, of other layers, nor of the variants beside it', async () => {
      assert.deepEqual(logits(await run(tiny, [['unsuppress:1=0']])), logits(plain));
      const both = await run(tiny, [[], ['unsuppress:1=1']]);
      const size = logits(plain).length;
      near(logits(both).subarray(0, size), logits(plain), 1e-6, 'beside');
      near(logits(both).subarray(size), logits(await run(tiny, [['unsuppress:1=1']])), 1e-6, 'alone');
      assert.deepEqual(data(await run(tiny, [['unsuppress:1=1']]), 0), data(plain, 0));
    });

    it('is held for generated tokens', async () => {
      const request = {
        folder: '',
        prompt: { kind: 'ids', ids } as const,
        interventions: [one('unsuppress:1=1')],
        maxNewTokens: 4,
        temperature: 0,
        topP: 1,
        seed: 0,
        statistics: false,
      };
      const generated = await resultOf(generateJob(tiny.model, request, surroundingsOf(), signal));
      const text = [...ids];
      for (const id of generated.ids) {
        const last = logits(await run(tiny, [['unsuppress:1=1']], { ids: text, chunk: 40, logits: 'last', taps: [] }));
        assert.equal(id, last.indexOf(Math.max(...last)));
        text.push(id);
      }
    });
  });
}

describe('removed suppression', () => {
  it('is refused where the leading token cannot be read, or the MLP is no part of the stream', async () => {
    for (const [family, sentence] of [
      ['bert', /Which token leads before layer 1 cannot be read/],
      ['opt, narrow embedding and norms after', /has a norm behind the sum with its MLP/],
    ] as const) {
      const tiny = await openTiny(family);
      try {
        await assert.rejects(run(tiny, [['unsuppress:1=1']]), sentence);
        await assert.rejects(run(tiny, [['unsuppress:9=1']]), /There is no layer 9/);
      } finally {
        await tiny.close();
      }
    }
  });
});
