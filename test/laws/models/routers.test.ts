/** Routers: their taps beside float64, in chunks and while decoding, and what changes of them do beside other checkpoints. */
import assert from 'node:assert/strict';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import type { SequenceRunRequest } from '../../../compute-server/model/generation/sequence-run-request';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest, RunResult } from '../../../compute-server/model/run/stream/run-request';
import { buildBlock } from '../../../models/architectures/block-graph';
import { isRouted } from '../../../models/architectures/network-spec';
import type { Variant } from '../../../models/instrument/changes/changes';
import { routerTaps, type RouterTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { tinyExperts, type ExpertFamily } from '../../support/checkpoints/tiny-experts';
import { heads } from '../../../diagnostics/patterns/heads/analysis';
import { resultOf, runnerOf } from '../../support/model-jobs';
import { dot, parametersOf, rmsNorm, type Vector } from '../../support/reference/vectors';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11, 60, 1, 33];
const n = ids.length;
const experts = 6;
const { signal } = new AbortController();

async function variantOf({ model }: OpenPlanted, forms: readonly string[]): Promise<Variant> {
  const list = forms.map((form) => {
    const one = parseDo(form);
    return one.ok ? one.value : assert.fail(one.why);
  });
  const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
  return (await lower(of, [list])).variants[0] ?? assert.fail();
}

const run = async (
  opened: OpenPlanted,
  forms: readonly string[] = [],
  extra: Partial<RunRequest> = {},
): Promise<RunResult> =>
  runPrompt(opened.model.spec, opened.model.sessions, {
    ...{ ids, chunk: n, logits: 'all', variants: [await variantOf(opened, forms)] },
    taps: routed(opened).flatMap((layer) => routerTaps.map((tap) => ({ layer, tap }))),
    ...extra,
  });

const routed = ({ model }: OpenPlanted): number[] =>
  model.spec.blocks.flatMap(({ index, feedForward }) => (isRouted(feedForward) ? [index] : []));

function numbers(result: RunResult, layer: number, tap: RouterTap): readonly number[] {
  const found = result.layers[layer]?.taps[tap];
  assert.ok(found);
  assert.deepEqual(found.shape, [1, n, experts]);
  return Array.from(found.data, Number);
}

const logits = (result: RunResult): readonly number[] => Array.from(result.logits?.data ?? [], Number);

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what = ''): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++) {
    const away = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN));
    assert.ok(away <= tolerance, `${what}: ${found[i]} and ${expected[i]} at ${i}`);
  }
}

/** Tokens one after the other behind the first of them, and the routers of those. */
async function decoded(opened: OpenPlanted, forms: readonly string[], extra: Partial<SequenceRunRequest> = {}) {
  const { spec, sessions } = opened.model;
  const variant = await variantOf(opened, forms);
  const request = { ids: ids.slice(0, 4), chunk: 3, variant, stepsAtOnce: true, ...extra };
  const sequence = await SequenceRun.start(spec, sessions, request);
  const steps = [];
  for (const id of ids.slice(4)) steps.push(await sequence.extend([id], { routers: true }));
  sequence.dispose();
  return steps;
}

for (const family of ['qwen3_moe', 'glm4_moe'] as const) {
  describe(`the routers of ${family}`, () => {
    const made = tinyExperts(family);
    const parameters = parametersOf(made.tensors);
    let opened: OpenPlanted;
    before(async () => {
      opened = await openPlanted(made);
    });
    after(() => opened.close());

    /** Taps of one row of a router's products. */
    function expected(products: Vector, layer: number): Readonly<Record<RouterTap, readonly number[]>> {
      const sum = products.reduce((total, z) => total + Math.exp(z), 0);
      const sigmoid = family === 'glm4_moe';
      const scores = products.map((z) => (sigmoid ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / sum));
      const bias = sigmoid ? parameters.vector(`model.layers.${layer}.mlp.gate.e_score_correction_bias`) : [];
      const choice = scores.map((score, e) => score + (bias[e] ?? 0));
      const best = [...choice.keys()].sort((a, b) => (choice[b] ?? 0) - (choice[a] ?? 0)).slice(0, 2);
      const mass = best.reduce((total, e) => total + (scores[e] ?? 0), 0);
      const chosen = scores.map((_, e) => (best.includes(e) ? 1 : 0));
      const factor = sigmoid ? 1.7 : 1;
      return {
        'router.scores': scores,
        'router.chosen': chosen,
        'router.weights': scores.map((score, e) => ((chosen[e] ?? 0) * score * factor) / mass),
      };
    }

    /** Taps of every row, with something added to the product of an expert. */
    async function expectedRows(layer: number, expert = 0, bias = 0) {
      const taps = (['residual.input', 'attention.output'] as const).map((tap) => ({ layer, tap }));
      const streams = await run(opened, [], { taps });
      const [entering, added] = taps.map(({ tap }) => Array.from(streams.layers[layer]?.taps[tap]?.data ?? [], Number));
      const gain = parameters.vector(`model.layers.${layer}.post_attention_layernorm.weight`);
      const router = parameters.matrix(`model.layers.${layer}.mlp.gate.weight`);
      return ids.map((_, row) => {
        const at = row * gain.length;
        const stream = gain.map((__, i) => (entering?.[at + i] ?? 0) + (added?.[at + i] ?? 0));
        const x = rmsNorm(stream, gain, 1e-6);
        return expected(
          router.map((weights, e) => dot(weights, x) + (e === expert ? bias : 0)),
          layer,
        );
      });
    }

    it('add a bias before softmax or sigmoid', async () => {
      const layer = routed(opened)[0] ?? assert.fail();
      const rows = await expectedRows(layer, 2, 1.25);
      const changed = await run(opened, [`bias-expert:${layer}.2=1.25`]);
      for (const tap of routerTaps) {
        near(
          numbers(changed, layer, tap),
          rows.flatMap((row) => row[tap]),
          1e-5,
          tap,
        );
      }
    });

    it('give scores, weights and choice of every token, in chunks, in plain graphs and token by token', async () => {
      const [whole, inChunks, plain] = [
        await run(opened),
        await run(opened, [], { chunk: 5 }),
        await run(opened, [], { plain: true }),
      ];
      const steps = await decoded(opened, []);
      const blocks = await decoded(opened, [], { blocksAlone: true });
      for (const layer of routed(opened)) {
        const rows = await expectedRows(layer);
        for (const tap of routerTaps) {
          const all = rows.flatMap((row) => row[tap]);
          for (const result of [whole, inChunks, plain])
            near(numbers(result, layer, tap), all, 1e-5, `${tap} ${layer}`);
          for (const found of [steps, blocks]) {
            const each = found.flatMap(({ routers }) =>
              (routers ?? []).filter((one) => one.layer === layer).flatMap((one) => [...one.rows[tap]]),
            );
            near(each, all.slice(4 * experts), 1e-5, `${tap} ${layer} decoded`);
          }
        }
      }
      assert.deepEqual(logits(whole), logits(plain), 'taps leave every bit');
    });

    it('are changed in decoding as in a whole run, at the positions that are named too', async () => {
      for (const forms of [
        ['force-expert:1.3', 'bias-expert:1.0=1.5'],
        ['forbid-expert:1.2@3-8'],
        ['bias-expert:1.4@6=3', 'force-expert:1.5@5-6'],
      ]) {
        const whole = await run(opened, forms);
        assert.notDeepEqual(logits(whole), logits(await run(opened)), forms.join());
        near(logits(await run(opened, forms, { chunk: 5 })), logits(whole), 2e-5, `${forms.join()} in chunks`);
        const steps = await decoded(opened, forms);
        const size = opened.model.summary.vocabulary;
        near(
          steps.flatMap((step) => [...step.logits]),
          logits(whole).slice(4 * size),
          2e-5,
          forms.join(),
        );
      }
    });

    it('take the expert that is forced, and never the one that is forbidden', async () => {
      const forced = numbers(await run(opened, ['force-expert:1.3', 'forbid-expert:1.0@2-4']), 1, 'router.chosen');
      ids.forEach((_, row) => {
        const chosen = forced.slice(row * experts, (row + 1) * experts);
        assert.equal(chosen[3], 1);
        if (row >= 2 && row <= 4) assert.equal(chosen[0], 0);
        assert.equal(
          chosen.reduce((sum, one) => sum + one, 0),
          2,
        );
      });
    });

    it('keep every bit under a bias of 0, beside a variant that changes them', async () => {
      const plain = await run(opened, [], { taps: [] });
      assert.deepEqual(await variantOf(opened, ['bias-expert:1.3=0']), []);
      const both = await runPrompt(opened.model.spec, opened.model.sessions, {
        ...{ ids, chunk: n, logits: 'all' },
        variants: [[], await variantOf(opened, ['force-expert:1.3@2'])],
      });
      assert.deepEqual(logits(both).slice(0, logits(plain).length), logits(plain));
    });

    it('refuse what they do not have', async () => {
      const refused = (forms: readonly string[], sentence: RegExp): Promise<void> =>
        assert.rejects(variantOf(opened, forms), (error: { failure?: { detail?: string } }) => {
          assert.match(error.failure?.detail ?? '', sentence);
          return true;
        });
      await refused(['force-expert:1.6'], /^There is no expert 6 in layer 1: it has 6, from 0\.$/);
      await refused(['force-expert:9.0'], /^There is no layer 9/);
      await refused(
        ['force-expert:1.0', 'force-expert:1.1', 'force-expert:1.2'],
        /^Layer 1 gives each token 2 experts, and 3 are forced\. Force fewer\.$/,
      );
      await refused(
        [0, 1, 2, 3, 4].map((e) => `forbid-expert:1.${e}`),
        /^Layer 1 has 6 experts, of which each token has 2, and 5 are forbidden\. Forbid at most 4\.$/,
      );
      await variantOf(opened, ['force-expert:1.0@0', 'force-expert:1.1@1', 'force-expert:1.2@2']);
      await refused(['forbid-expert:1.0@5-13'], /names position 13, and the prompt has 13 tokens/);
      if (family === 'glm4_moe') await refused(['bias-expert:0.0=1'], /^Layer 0 has no routed experts\.$/);
    });
  });
}

describe('a changed router', () => {
  const same = async (
    family: ExpertFamily,
    forms: readonly string[],
    change: (made: Checkpoint, data: (name: string) => Float32Array) => Checkpoint,
  ): Promise<void> => {
    const original = tinyExperts(family);
    const copy = { ...original, tensors: new Map(original.tensors) };
    const other = change(copy, (name) => {
      const tensor = copy.tensors.get(name) ?? assert.fail(name);
      const data = tensor.data.slice();
      copy.tensors.set(name, { ...tensor, data });
      return data;
    });
    const [opened, rebuilt] = [await openPlanted(original), await openPlanted(other)];
    try {
      const changed = logits(await run(opened, forms));
      near(changed, logits(await run(rebuilt)), 2e-5, forms.join());
      const plain = logits(await run(opened));
      assert.ok(
        changed.some((value, at) => Math.abs(value - (plain[at] ?? 0)) > 1e-3),
        `${forms.join()} changes something`,
      );
    } finally {
      await opened.close();
      await rebuilt.close();
    }
  };
  const bias = 'model.layers.1.mlp.gate.e_score_correction_bias';

  it('with a forced expert is the model whose learned bias makes every token choose it', () =>
    same('glm4_moe', ['force-expert:1.4'], (made, data) => {
      data(bias)[4] = 1e4;
      return made;
    }));

  it('with a forbidden expert is the model whose learned bias keeps every token from it', () =>
    same('glm4_moe', ['forbid-expert:1.1'], (made, data) => {
      data(bias)[1] = -1e4;
      return made;
    }));

  for (const normalised of [true, false]) {
    it(`with a forbidden expert is the model that never had it${normalised ? '' : ', weights as they are'}`, async () => {
      const keys = { norm_topk_prob: normalised, num_hidden_layers: 1 };
      const original = tinyExperts('qwen3_moe', keys);
      const fewer = tinyExperts('qwen3_moe', { ...keys, num_experts: experts - 1 });
      const gone = 3;
      const at = 'model.layers.0.mlp';
      for (const [name, tensor] of fewer.tensors) {
        const expert = /experts\.(\d+)\.(.*)$/.exec(name);
        const from = expert && Number(expert[1]) >= gone ? `${at}.experts.${Number(expert[1]) + 1}.${expert[2]}` : name;
        const { data } = original.tensors.get(from) ?? assert.fail(from);
        tensor.data.set(name === `${at}.gate.weight` ? [...data].filter((_, i) => Math.floor(i / 24) !== gone) : data);
      }
      const [opened, without] = [await openPlanted(original), await openPlanted(fewer)];
      near(logits(await run(opened, [`forbid-expert:0.${gone}`])), logits(await run(without, [], { taps: [] })), 2e-5);
      await opened.close();
      await without.close();
    });
  }

  it('computes gate and up of an expert as one product where they lie side by side, with the same numbers', async () => {
    const made = tinyExperts('qwen3_moe');
    const sorted = new Map([...made.tensors].sort(([a], [b]) => (a < b ? -1 : 1)));
    const [apart, beside] = [await openPlanted(made), await openPlanted({ ...made, tensors: sorted })];
    near(logits(await run(beside)), logits(await run(apart)), 1e-5);
    const products = ({ model }: OpenPlanted): number =>
      buildBlock(model.spec, model.spec.blocks[0] ?? assert.fail(), model.weights, {
        instrumented: false,
      }).nodes.filter(({ operator }) => operator.endsWith('MatMul')).length;
    assert.equal(products(apart) - products(beside), experts);
    await apart.close();
    await beside.close();
  });
});

describe('the analysis heads', () => {
  it('shows what the routers of a model did: loads of all tokens, the first of them one by one', async () => {
    const opened = await openPlanted(tinyExperts('glm4_moe'));
    try {
      const runner = runnerOf(opened.model);
      const prompt = await runner.prompt({ kind: 'ids', ids });
      const parameters = { labels: false, causal: false, nullSequences: 1, groups: '', pictures: false, chunk: 0 };
      const job = { input: { given: { kind: 'prompt', prompt: { kind: 'ids', ids } }, prompts: [prompt] }, parameters };
      const result = await resultOf(
        heads.run(runner, {
          ...job,
          variant: [],
          groups: [],
          seed: 1,
          step: (_: string, act: () => Promise<unknown>) => act(),
        } as never),
      );
      const run_ = await run(opened);
      assert.deepEqual(
        result.experts?.map(({ layer }) => layer),
        [1, 2],
      );
      for (const { layer, loads, chosen, weights, entropies, entropy, perToken } of result.experts ?? []) {
        const [marks, counts, scores] = (['router.chosen', 'router.weights', 'router.scores'] as const).map((tap) =>
          numbers(run_, layer, tap),
        ) as [readonly number[], readonly number[], readonly number[]];
        assert.equal(perToken, 2);
        loads.forEach((load, e) => {
          const taken = ids.filter((_, row) => marks[row * experts + e] === 1).length;
          assert.ok(Math.abs(load - taken / (2 * n)) < 1e-12);
        });
        chosen.forEach((row, at) =>
          row.forEach((e, slot) => {
            assert.equal(marks[at * experts + e], 1);
            near([weights[at]?.[slot] ?? NaN], [counts[at * experts + e] ?? NaN], 5.1e-5);
          }),
        );
        entropies.forEach((value, at) => {
          const own = scores.slice(at * experts, (at + 1) * experts);
          const sum = own.reduce((total, score) => total + score, 0);
          near([value], [-own.reduce((total, score) => total + (score / sum) * Math.log(score / sum), 0)], 1e-6);
        });
        near([entropy], [entropies.reduce((total, value) => total + value, 0) / n], 1e-9);
      }
      const section = heads.sections(result).find(({ kind }) => kind === 'experts');
      assert.ok(section?.kind === 'experts' && section.of === n && section.tokens.length === n);
    } finally {
      await opened.close();
    }
  });
});

describe('experts that a config contradicts', () => {
  const { config, tensors } = tinyExperts('qwen3_moe');
  const without = new Map([...tensors].filter(([name]) => !/layers\.1\.mlp\.experts\.[45]\./.test(name)));
  for (const [what, made, sentence] of [
    [
      'experts that are missing',
      { config, tensors: without },
      /^Layer 1 has the weights of 4 experts, and the config asks for 6\./,
    ],
    [
      'a router of another width',
      { config: { ...config, num_experts: 5 }, tensors },
      /^model\.layers\.0\.mlp\.gate\.weight is \[6, 24\], and the config makes it \[5, 24\]\. Correct/,
    ],
    [
      'more experts a token than there are',
      { config: { ...config, num_experts_per_tok: 7 }, tensors },
      /^Layer 0 chooses 7 of 6 experts for each token\. Correct the config\.$/,
    ],
    [
      'layers without them',
      { config: { ...config, mlp_only_layers: [1] }, tensors },
      /lack model\.layers\.1\.mlp\.gate_proj\.weight, which the config asks for/,
    ],
    [
      'experts of another width',
      { config: { ...config, moe_intermediate_size: 12 }, tensors },
      /experts\.0\.gate_proj\.weight is \[10, 24\], and the config makes it \[12, 24\]/,
    ],
  ] as const) {
    it(what, () =>
      assert.rejects(openPlanted(made), (error: Error & { failure?: { detail?: string } }) => {
        assert.match(error.failure?.detail ?? error.message, sentence);
        return true;
      }),
    );
  }
});
