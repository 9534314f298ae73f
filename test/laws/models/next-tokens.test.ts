/** Next-token distributions, their divergence and generation, against logits of the float64 pass. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { generateJob, nextTokens } from '../../../compute-server/model-calls/generate-job';
import type { GenerateProgress, GenerateReply } from '../../../protocol/compute/models';
import { fromGains } from '../../../protocol/interventions/gains';
import type { HeadGain } from '../../../protocol/schema/parts';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import { parametersOf } from '../../support/reference/vectors';
import { surroundingsOf } from '../../support/model-jobs';

const surroundings = surroundingsOf({ cacheFolder: tmpdir() });
const { signal } = new AbortController();
/** For probabilities and nats; logits are within 1e-4 of the float64 ones, and stay near 4e-6. */
const tolerance = 1e-5;

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return logits.map((logit) => Math.exp(logit - largest) / sum);
}

const near = (found: number | undefined, expected: number | undefined, what: string): void =>
  assert.ok(
    Math.abs((found ?? Number.NaN) - (expected ?? Number.NaN)) <= tolerance,
    `${what}: ${found}, not ${expected}`,
  );

describe('next tokens', () => {
  let llama: OpenTiny;
  before(async () => {
    llama = await openTiny('llama');
  });
  after(() => llama.close());

  /** The last row of logits; a gain on a head is one on its columns of the output projection. */
  const reference = (prompt: readonly number[], gains: readonly HeadGain[] = []): readonly number[] => {
    const tensors = tinyTensors(llama.tiny);
    for (const { layer, head, gain } of gains) {
      const tensor = tensors.get(`model.layers.${layer}.self_attn.o_proj.weight`);
      assert.ok(tensor);
      const [rows = 0, columns = 0] = tensor.shape;
      const width = columns / 4;
      for (let row = 0; row < rows; row++) {
        for (let i = head * width; i < (head + 1) * width; i++) {
          const at = row * columns + i;
          tensor.data[at] = (tensor.data[at] ?? 0) * gain;
        }
      }
    }
    return llama.tiny.run(parametersOf(tensors), prompt).logits.at(-1) ?? [];
  };

  it('top list, entropy and KL divergence of the plain model and of gains', async () => {
    const variants: readonly (readonly HeadGain[])[] = [
      [{ layer: 0, head: 1, gain: 0 }],
      [
        { layer: 0, head: 3, gain: 3 },
        { layer: 1, head: 0, gain: -2 },
      ],
    ];
    const found = await nextTokens(
      llama.model,
      { folder: '', ids, variants: variants.map(fromGains), top: 7 },
      surroundings,
      signal,
    );
    assert.equal(found.length, 3);
    const plain = softmax(reference(ids));
    [[], ...variants].forEach((gains, at) => {
      const p = softmax(reference(ids, gains));
      const { top = [], entropy, divergence, interventions: named } = found[at] ?? {};
      assert.deepEqual(named, fromGains(gains));
      const order = p.map((_, id) => id).sort((a, b) => (p[b] ?? 0) - (p[a] ?? 0));
      assert.deepEqual(
        top.map(({ id }) => id),
        order.slice(0, 7),
      );
      for (const { id, probability, text } of top) {
        near(probability, p[id], `probability of ${id} in variant ${at}`);
        assert.equal(text, `#${id}`);
      }
      near(
        entropy,
        p.reduce((sum, each) => sum - each * Math.log(each), 0),
        `entropy of variant ${at}`,
      );
      const expected = plain.reduce((sum, each, id) => sum + each * Math.log(each / (p[id] ?? 0)), 0);
      near(divergence, expected, `divergence of variant ${at}`);
      assert.ok(at === 0 ? divergence === 0 : expected > 100 * tolerance);
    });
  });

  const generated = async (
    settings: { readonly temperature: number; readonly topP?: number; readonly seed?: number },
    gains: readonly HeadGain[] = [],
  ): Promise<{ readonly reply: GenerateReply; readonly tokens: readonly GenerateProgress[] }> => {
    const request = {
      folder: '',
      prompt: { kind: 'ids', ids } as const,
      interventions: fromGains(gains),
      maxNewTokens: 12,
      topP: 1,
      seed: 0,
      statistics: false,
      ...settings,
    };
    const job = generateJob(llama.model, request, surroundings, signal);
    const tokens: GenerateProgress[] = [];
    for (;;) {
      const step = await job.next();
      if (step.done) return { reply: step.value, tokens };
      tokens.push(step.value);
    }
  };

  it('greedy decoding takes the most probable token of the float64 pass, with gains held throughout', async () => {
    for (const gains of [[], [{ layer: 1, head: 2, gain: 0 }]]) {
      const { reply, tokens } = await generated({ temperature: 0 }, gains);
      assert.equal(reply.ids.length, 12);
      const prompt = [...ids];
      reply.ids.forEach((id, at) => {
        const p = softmax(reference(prompt, gains));
        assert.equal(id, p.indexOf(Math.max(...p)), `token ${at}`);
        near(tokens[at]?.probability, p[id], `probability of token ${at}`);
        prompt.push(id);
      });
    }
  });

  it('sampled decoding is the same for one seed, differs by seed, and stays within top-p of the float64 pass', async () => {
    const one = await generated({ temperature: 1.5, topP: 0.5, seed: 11 });
    assert.deepEqual((await generated({ temperature: 1.5, topP: 0.5, seed: 11 })).reply.ids, one.reply.ids);
    assert.notDeepEqual((await generated({ temperature: 1.5, topP: 0.5, seed: 12 })).reply.ids, one.reply.ids);
    assert.notDeepEqual((await generated({ temperature: 0 })).reply.ids, one.reply.ids);
    const prompt = [...ids];
    one.reply.ids.forEach((id, at) => {
      const logits = reference(prompt);
      const hot = softmax(logits.map((logit) => logit / 1.5));
      const above = hot.filter((each) => each > (hot[id] ?? 0)).reduce((sum, each) => sum + each, 0);
      assert.ok(above < 0.5, `token ${at} lies behind ${above} of the mass`);
      // What is reported is the model's own probability, at temperature 1.
      near(one.tokens[at]?.probability, softmax(logits)[id], `probability of token ${at}`);
      prompt.push(id);
    });
  });
});
