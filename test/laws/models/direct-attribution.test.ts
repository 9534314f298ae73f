import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { referenceModels } from '../../support/reference/reference-models';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { streamRow } from '../../../diagnostics/model-runner/stream-row';
import type { DirectEffects, StreamRow } from '../../../diagnostics/model-runner/direct-paths';
import type { LatentProjection } from '../../../models/architectures/attention-spec';
import type { Norm } from '../../../models/architectures/weights-spec';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyGemma4 } from '../../support/checkpoints/tiny-gemma4';
import { tinyModels } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

const row = 11;
const target = [
  { token: 5, weight: 1 },
  { token: 17, weight: -1 },
];

const total = ({ heads, mlp, embedding, rest }: DirectEffects): number =>
  [...heads.flat(), ...mlp, embedding, rest].reduce((sum, value) => sum + value, 0);

const runnerOf = ({ model }: OpenTiny): ServerRunner =>
  new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);

type Vector = readonly number[];
const numbers = (data: Float32Array | undefined): Vector => Array.from(data ?? []);
const plus = (a: Vector, b: Vector): number[] => a.map((x, i) => x + (b[i] ?? 0));
const mean = (x: Vector): number => x.reduce((sum, value) => sum + value, 0) / x.length;
const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** The forward way in float64: what one head writes is carried through every norm behind it, each at the scale of the run. */
function headByHand({ model: { spec }, parameters }: OpenTiny, run: StreamRow, layer: number, head: number): number {
  const through = (norm: Norm | undefined, part: Vector, whole: Vector): Vector => {
    if (!norm) return part;
    const centred = (x: Vector): Vector => (norm.kind === 'layer' ? x.map((value) => value - mean(x)) : x);
    const own = centred(whole);
    const scale = Math.sqrt(dot(own, own) / own.length + norm.epsilon);
    const gain = parameters.vector(norm.weight ?? assert.fail()).map((value) => value + (norm.gainOffset ?? 0));
    return centred(part).map((value, i) => (value / scale) * (gain[i] ?? 0));
  };
  const projected = (given: Vector, at: number, withBias: boolean): Vector => {
    const { output, projection, heads } = spec.blocks[at]?.attention ?? assert.fail();
    const outputs = projection.kind === 'latent' ? valuesOfLatents(given, projection, heads) : given;
    const matrix = parameters.matrix(output.weight);
    const product =
      output.stored === 'outputs-inputs'
        ? matrix.map((weights) => dot(weights, outputs))
        : Array.from({ length: output.outputs }, (_, o) =>
            outputs.reduce((sum, value, i) => sum + value * (matrix[i]?.[o] ?? 0), 0),
          );
    return withBias && output.bias !== undefined ? plus(product, parameters.vector(output.bias)) : product;
  };
  /** The weighted latents of the heads, [k_r; c] each, to B_v c. */
  function valuesOfLatents(given: Vector, of: LatentProjection, heads: number): Vector {
    const { up, rank, rotary, plain, value } = of;
    const matrix = parameters.matrix(up.weight);
    return Array.from({ length: heads * value }, (_, at) => {
      const head = Math.floor(at / value);
      const start = head * (rotary + rank) + rotary;
      return dot(matrix[head * (plain + value) + plain + (at % value)] ?? [], given.slice(start, start + rank));
    });
  }
  const { headDim } = spec.blocks[layer]?.attention ?? assert.fail();
  const outputs = numbers(run.headOutputs[layer]);
  const alone = outputs.map((value, i) => (Math.floor(i / headDim) === head ? value : 0));
  const behind = spec.blocks[layer]?.attentionNorms.output;
  let part = through(behind, projected(alone, layer, false), projected(outputs, layer, true));
  for (let at = layer; at < spec.blocks.length; at++) {
    const { attentionNorms, feedForwardNorms } = spec.blocks[at] ?? assert.fail();
    const middle = plus(numbers(run.streams[at]), numbers(run.attentionOutputs[at]));
    part = through(attentionNorms.after, part, middle);
    if (!feedForwardNorms.after) continue;
    const { after } = attentionNorms;
    const normed = after ? plus(through(after, middle, middle), parameters.vector(after.bias ?? '')) : middle;
    part = through(feedForwardNorms.after, part, plus(normed, numbers(run.networkOutputs[at])));
  }
  const { norm, project, vocabulary } = spec.head;
  part = through(norm, part, numbers(run.streams.at(-1)));
  if (project) part = parameters.matrix(project.weight).map((weights) => dot(weights, part));
  const table = parameters.matrix(vocabulary?.weight ?? '');
  return target.reduce((sum, { token, weight }) => sum + weight * dot(table[token] ?? [], part), 0);
}

/** Parts that no tiny checkpoint has, where the reference folder is at hand. */
const otherParts = [
  'bitnet--BitNetForCausalLM',
  'cohere--CohereForCausalLM--hard',
  'doge--DogeForCausalLM',
  'gpt_oss--GptOssForCausalLM--hard',
  'granite--GraniteForCausalLM--hard',
  'deepseek_v3--DeepseekV3ForCausalLM--hard',
  'nanochat--NanoChatForCausalLM',
  'olmo2--Olmo2ForCausalLM--hard',
  'longcat_flash--LongcatFlashForCausalLM',
];
type Opened = Pick<OpenTiny, 'model' | 'close'>;
const namedReferences = (names: readonly string[]) =>
  referenceModels
    .filter(({ name }) => names.includes(name))
    .map(({ name, folder }) => ({
      name,
      open: async (): Promise<Opened> => {
        const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
        return { model, close: () => model.sessions.release() };
      },
    }));
const tinies = tinyGemma4.map((tiny) => ({
  name: `tiny ${tiny.name}`,
  open: (): Promise<Opened> => openTiny(tiny),
}));

async function attributed(open: () => Promise<Opened>, check: (of: Attributed) => Promise<void>): Promise<void> {
  const { model, close } = await open();
  try {
    const runner = new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);
    const run = await streamRow(runner, { ids }, [], row);
    const effects = await runner.direct.effects(run, target);
    const { logits } = await runner.run({ ids, logits: 'all' });
    const cap = model.spec.head.softcap;
    const scale = Math.max(1e-2, ...effects.tokens.map(Math.abs));
    target.forEach(({ token }, at) => {
      const raw = effects.tokens[at] ?? NaN;
      const inModel = Number(logits?.data[row * model.summary.vocabulary + token]);
      assert.ok(Math.abs((cap === undefined ? raw : cap * Math.tanh(raw / cap)) - inModel) <= 1e-5 * scale);
    });
    const sum = total(effects) + (effects.recurrent ?? []).reduce((all, value) => all + value, 0);
    assert.ok(Math.abs(sum - effects.logit) <= 1e-5 * scale, `${sum}, not ${effects.logit}`);
    await check({ model, runner, run, effects, scale });
  } finally {
    await close();
  }
}

interface Attributed {
  readonly model: LoadedModel;
  readonly runner: ServerRunner;
  readonly run: StreamRow;
  readonly effects: DirectEffects;
  readonly scale: number;
}

for (const { name, open } of [...namedReferences(otherParts), ...tinies]) {
  it(`direct logit attribution of ${name}: parts sum to the logits, and a head writes what it adds`, () =>
    attributed(open, async ({ model, runner, run, effects, scale }) => {
      const { headDim } = model.spec.blocks[0]?.attention ?? assert.fail();
      const part = (run.headOutputs[0] ?? assert.fail()).map((value, i) => (Math.floor(i / headDim) === 1 ? value : 0));
      const written = await runner.direct.written(run, 0, part);
      const wrote = (written[5] ?? NaN) - (written[17] ?? NaN);
      assert.ok(Math.abs(wrote - (effects.heads[0]?.[1] ?? NaN)) <= 1e-5 * scale);
    }));
}

/** What a vector adds to the target where nothing after it answers, by the graph of the lens. */
async function throughLens({ model, run }: Attributed, part: Float32Array): Promise<number> {
  const lens = await model.sessions.session({ kind: 'lens', tokens: false });
  const shape = [1, 1, model.spec.hiddenSize];
  const { logits } = await lens.run({
    residual: { data: run.streams.at(-1) ?? assert.fail(), shape },
    part: { data: part, shape },
  });
  return Number(logits?.data[5]) - Number(logits?.data[17]);
}

for (const { name, open } of namedReferences(['jetmoe--JetMoeForCausalLM']))
  it(`direct logit attribution of ${name}: a head adds what attention lacks without it`, () =>
    attributed(open, async (all) => {
      for (const { index: layer, attention } of all.model.spec.blocks) {
        for (let head = 0; head < (attention?.heads ?? 0); head++) {
          const without = await streamRow(all.runner, { ids }, [{ kind: 'gain', layer, head, gain: 0 }], row);
          const [whole, rest] = [all.run, without].map(({ attentionOutputs }) => attentionOutputs[layer]);
          const expected = await throughLens(
            all,
            (whole ?? assert.fail()).map((value, i) => value - (rest?.[i] ?? NaN)),
          );
          const found = all.effects.heads[layer]?.[head] ?? NaN;
          assert.ok(Math.abs(found - expected) <= 1e-5 * all.scale, `L${layer}H${head}: ${found}, not ${expected}`);
        }
      }
      await assert.rejects(all.runner.direct.written(all.run, 0, new Float32Array(0)), /what a head adds is not known/);
    }));

for (const { name, open } of namedReferences(['zamba--ZambaForCausalLM', 'zamba2--Zamba2ForCausalLM']))
  it(`direct logit attribution of ${name}: heads of a shared block add nothing but through recurrences, which are known`, () =>
    attributed(open, async (all) => {
      for (const { index: layer, shared } of all.model.spec.blocks) {
        const added = await throughLens(all, all.run.attentionOutputs[layer] ?? assert.fail());
        const heads = all.effects.heads[layer] ?? assert.fail();
        const found = shared ? all.effects.recurrent?.[layer] : heads.reduce((sum, value) => sum + value, 0);
        assert.ok(Math.abs((found ?? NaN) - added) <= 1e-5 * all.scale, `layer ${layer}: ${found}, not ${added}`);
        if (shared) assert.ok(heads.length > 0 && heads.every((value) => value === 0));
      }
      const shared = all.model.spec.blocks.findIndex((block) => block.shared);
      await assert.rejects(all.runner.direct.written(all.run, shared, new Float32Array(0)), /input of its recurrences/);
      // The head reads the hidden numbers alone.
      const [last] = await all.runner.direct.logits(all.run.streams.slice(-1));
      const { logits } = await all.runner.run({ ids, logits: 'all' });
      const { vocabulary } = all.model.summary;
      last?.forEach((value, id) =>
        assert.ok(Math.abs(value - Number(logits?.data[row * vocabulary + id])) <= 1e-5 * all.scale),
      );
    }));

/** BERT predicts no next token. */
for (const tiny of tinyModels.filter(({ name }) => name !== 'bert')) {
  describe(`direct logit attribution of ${tiny.name}`, () => {
    let opened: OpenTiny;
    let runner: ServerRunner;
    before(async () => {
      opened = await openTiny(tiny);
      runner = runnerOf(opened);
    });
    after(() => opened.close());

    const attribute = async (variant: Variant = []) => {
      const run = await streamRow(runner, { ids }, variant, row);
      return { run, effects: await runner.direct.effects(run, target) };
    };

    it('the parts sum to the logits of the model, each head as by hand', async () => {
      const { run, effects } = await attribute();
      const { logits } = await runner.run({ ids, logits: 'all' });
      const vocabulary = opened.model.summary.vocabulary;
      const { softcap } = opened.model.spec.head;
      target.forEach(({ token }, at) => {
        const raw = effects.tokens[at] ?? Number.NaN;
        const capped = softcap === undefined ? raw : softcap * Math.tanh(raw / softcap);
        const inModel = Number(logits?.data[row * vocabulary + token]);
        assert.ok(Math.abs(capped - inModel) <= 1e-5, `token ${token}: ${capped}, not ${inModel}`);
      });
      const scale = Math.max(1, ...effects.tokens.map(Math.abs));
      const difference = (effects.tokens[0] ?? Number.NaN) - (effects.tokens[1] ?? Number.NaN);
      assert.ok(Math.abs(total(effects) - difference) <= 1e-5 * scale, `${total(effects)}, not ${difference}`);
      assert.ok(Math.abs(effects.logit - difference) <= 1e-6 * scale);
      effects.heads.forEach((heads, layer) =>
        heads.forEach((value, head) => {
          const expected = headByHand(opened, run, layer, head);
          assert.ok(Math.abs(value - expected) <= 1e-5, `L${layer}H${head}: ${value}, not ${expected}`);
        }),
      );
    });

    it('a head that is removed adds nothing; nothing before a stream that was put in place does', async () => {
      const { effects: removed } = await attribute([{ kind: 'gain', layer: 1, head: 2, gain: 0 }]);
      assert.equal(removed.heads[1]?.[2], 0);
      const width = opened.model.spec.hiddenSize;
      const data = Float32Array.from({ length: ids.length * width }, (_, i) => Math.sin(i));
      const { effects } = await attribute([{ kind: 'replacement', layer: 0, target: 'residual', data }]);
      assert.deepEqual([effects.heads[0], effects.mlp[0], effects.embedding], [[0, 0, 0, 0], 0, 0]);
      assert.ok(Math.abs(total(effects) - effects.logit) <= 1e-5 * Math.max(1, ...effects.tokens.map(Math.abs)));
    });

    it('a vector that is added counts as a bias: no head, MLP or embedding is credited with it, and the sum holds', async () => {
      const width = opened.model.spec.hiddenSize;
      const vector = Float32Array.from({ length: width }, (_, i) => 3 * Math.cos(i));
      const { run, effects } = await attribute([{ kind: 'addition', layer: 0, vector, positions: [row] }]);
      assert.ok(Math.abs(total(effects) - effects.logit) <= 1e-5 * Math.max(1, ...effects.tokens.map(Math.abs)));
      const elsewhere = await attribute([{ kind: 'addition', layer: 0, vector, positions: [row - 1] }]);
      assert.deepEqual([run.added?.[0], elsewhere.run.added?.[0]], [vector, undefined]);
    });

    it('the tokens that a head writes get what it adds', async () => {
      // Norms on the sums of later layers are not in what is written.
      if (opened.model.spec.blocks.some(({ attentionNorms }) => attentionNorms.after)) return;
      const { run, effects } = await attribute();
      const { headDim } = opened.model.spec.blocks[0]?.attention ?? assert.fail();
      const part = (run.headOutputs[0] ?? assert.fail()).map((value, i) => (Math.floor(i / headDim) === 1 ? value : 0));
      const logits = await runner.direct.written(run, 0, part);
      const expected = effects.heads[0]?.[1] ?? Number.NaN;
      assert.ok(Math.abs((logits[5] ?? 0) - (logits[17] ?? 0) - expected) <= 1e-5);
    });

    it('query, key and value of a token in front are those of the run before rotation', async () => {
      // Position 0 is not rotated.
      const tap = (name: 'query' | 'key' | 'value') => ({ layer: 0, tap: `attention.${name}` as const });
      const { layers } = await runner.run({
        ids,
        taps: [tap('query'), tap('key'), tap('value')],
        tapRows: [0],
        logits: 'none',
      });
      const [first = 0] = ids;
      const found = await runner.direct.projected(0, await runner.direct.embedded([first]));
      for (const name of ['query', 'key', 'value'] as const) {
        const expected = layers[0]?.taps[`attention.${name}`]?.data;
        assert.ok(expected instanceof Float32Array);
        found[name][0]?.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] ?? 0)) <= 1e-5, name));
        assert.equal(found[name][0]?.length, expected.length);
      }
    });
  });
}
