import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { runnable } from '../../../../models/architectures/catalogue';
import { describeModel, isModelConfig } from '../../../../models/formats/describe-model';
import { kvBytesPerToken } from '../../../../models/formats/estimates/kv-cache';
import { readOwnFamilies } from '../../../../models/formats/families/workspace-families';
import type { OwnFamily } from '../../../../models/formats/workspace-family';
import { countParameters, expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';

const familyFrom = (object: object): OwnFamily => {
  const { families, problems } = readOwnFamilies([object]);
  assert.deepEqual(problems, []);
  const [family] = families;
  assert.ok(family);
  return family;
};

const sizes = { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4, vocab_size: 100 };
const namesIn = (config: object, family: OwnFamily): readonly string[] =>
  (expectedTensors(describeModel(config, [family])) ?? []).flatMap((tensor) => [...tensorNames(tensor)]);

describe('a family described in the workspace', () => {
  // Llama of these sizes by hand: embedding and head, and per layer four projections, three of the network, two norms.
  const ofLlama = 2 * 100 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 96 + 2 * 64) + 64;

  it('like a known one, with its own keys and defaults', () => {
    const family = familyFrom({
      modelType: 'acme',
      title: 'Acme LM',
      like: 'llama',
      keys: { hidden_size: 'model_width', num_attention_heads: 'query_count' },
      defaults: { intermediate_size: 96, vocab_size: 100, num_hidden_layers: 2 },
    });
    const config = { model_type: 'acme', architectures: ['AcmeForCausalLM'], model_width: 64, query_count: 4 };
    const model = describeModel(config, [family]);
    assert.equal(model.title, 'Acme LM');
    assert.deepEqual(model.problems, []);
    assert.equal(countParameters(model)?.total, ofLlama);
    const [part] = model.parts;
    assert.equal(part?.heads, 4);
    assert.deepEqual(part.fields['model_width']?.source, { kind: 'file', path: ['model_width'] });
    assert.deepEqual(part.fields['vocab_size']?.source, { kind: 'default', from: '.headscope.json, acme' });
    assert.equal(kvBytesPerToken(model, { dtype: 'float16' }), 2 * 4 * (16 + 16) * 2);
    // The checkpoint is Llama's in all but the config: it runs.
    assert.equal(runnable(model), true);
    assert.equal(describeModel(config).family, 'generic');
    // Neither a class nor a key that is known by itself says that this is a model: the family does.
    const bare = { model_type: 'acme', model_width: 64, query_count: 4 };
    assert.equal(isModelConfig(bare, [family]), true);
    assert.equal(isModelConfig(bare), false);
  });

  it('with tensors of its own names is counted, and runs as far as its keys are those of the known one', () => {
    const family = familyFrom({
      modelType: 'acme',
      like: 'llama',
      tensors: { 'model.': 'trunk.', 'model.layers.{layer}.self_attn.': 'trunk.blocks.{layer}.mix.', lm_head: 'head' },
    });
    const config = { model_type: 'acme', architectures: ['AcmeForCausalLM'], ...sizes };
    const names = namesIn(config, family);
    assert.ok(names.includes('trunk.blocks.1.mix.q_proj.weight'));
    assert.ok(names.includes('trunk.layers.1.mlp.up_proj.weight'));
    assert.ok(names.includes('head.weight'));
    const model = describeModel(config, [family]);
    assert.equal(countParameters(model)?.total, ofLlama);
    assert.equal(runnable(model), true);
    const biased = describeModel({ ...config, sliding_window: 8 }, [family]);
    assert.match(String(runnable(biased)), /^sliding_window is 8, and Headscope computes acme where it is unset/);
  });

  it('by a layout of its own', () => {
    const family = familyFrom({
      modelType: 'acme',
      positions: 'learned',
      norm: 'layer',
      gated: false,
      tied: true,
      layout: {
        root: 'net.',
        embedding: 'tokens',
        positions: 'places',
        layer: 'block.{layer}.',
        attention: { prefix: 'att.', projections: ['qkv'], output: 'out', inputBias: true },
        mlp: { prefix: 'ff.', inputs: ['one'], output: 'two' },
        norms: ['ln'],
        normBias: true,
        finalNorm: 'last',
      },
    });
    const config = {
      model_type: 'acme',
      architectures: ['AcmeForCausalLM'],
      ...sizes,
      max_position_embeddings: 32,
    };
    const names = namesIn(config, family);
    assert.ok(names.includes('net.block.1.att.qkv.bias'));
    assert.ok(names.includes('net.places.weight'));
    const layer = 64 * 192 + 192 + 64 * 64 + 2 * 64 * 96 + 2 * 64;
    assert.equal(countParameters(describeModel(config, [family]))?.total, (100 + 32) * 64 + 2 * layer + 2 * 64);
  });

  it('with experts in a layout', () => {
    const family = familyFrom({
      modelType: 'acme',
      layout: { experts: { prefix: 'moe.', router: 'gate', projections: ['a', 'b', 'c'] } },
    });
    const config = { model_type: 'acme', ...sizes, num_experts: 4, num_experts_per_tok: 1, moe_intermediate_size: 8 };
    const model = describeModel({ ...config, architectures: ['AcmeForCausalLM'] }, [family]);
    const counted = countParameters(model);
    const experts = 2 * 4 * 3 * 64 * 8;
    assert.equal(counted?.split.find(({ name }) => name === 'routed experts')?.count, experts);
    assert.equal((counted?.total ?? 0) - (counted?.active ?? 0), (experts * 3) / 4);
  });

  it('as the documentation writes it', () => {
    const blocks = [...readFileSync('docs/own-families.md', 'utf8').matchAll(/^```json\n([\s\S]*?)^```$/gm)];
    assert.equal(blocks.length, 2);
    for (const [, text = ''] of blocks) {
      const { families } = JSON.parse(text) as { readonly families: unknown };
      const read = readOwnFamilies(families);
      assert.deepEqual(read.problems, []);
      assert.equal(read.families.length, 1);
    }
  });

  const faults: readonly (readonly [string, unknown, readonly (readonly [string, RegExp])[]])[] = [
    ['no list', {}, [['', /^"families" is a list of objects\.$/]]],
    ['no type', [{ like: 'llama' }], [['0.modelType', /^The key "modelType" is missing\.$/]]],
    ['an unknown key', [{ modelType: 'a', kyes: {} }], [['0.kyes', /No such key/]]],
    ['an unknown base', [{ modelType: 'a', like: 'lama' }], [['0.like', /"lama" is not a model_type/]]],
    ['a base that has parts', [{ modelType: 'a', like: 'llava' }], [['0.like', /single stack/]]],
    ['two of one type', [{ modelType: 'a' }, { modelType: 'a' }], [['1.modelType', /described twice/]]],
    ['a layout beside like', [{ modelType: 'a', like: 'llama', layout: {} }], [['0.layout', /like another/]]],
    [
      'learned positions without a name',
      [{ modelType: 'a', positions: 'learned', layout: {} }],
      [['0.layout', /Give its name as "positions"/]],
    ],
    ['a table of rotary positions', [{ modelType: 'a', layout: { positions: 'p' } }], [['0.layout', /"learned"/]]],
    [
      'positions of an unknown kind',
      [{ modelType: 'a', positions: 'rotary' }],
      [['0.positions', /^It should be "rope" or .* or "none", and is "rotary"\.$/]],
    ],
    ['names without like', [{ modelType: 'a', tensors: {} }], [['0.tensors', /there is none/]]],
    [
      'sizes that no model has as defaults',
      [
        {
          modelType: 'a',
          like: 'llama',
          keys: { hidden_size: 'width' },
          defaults: {
            num_hidden_layers: 1e9,
            num_attention_heads: -5,
            hidden_size: 'wide',
            rope_theta: 0,
            head_dim: 64,
          },
        },
        { modelType: 'b', defaults: { num_hidden_layers: 2.5 } },
      ],
      [
        ['0.defaults.hidden_size', /^hidden_size should be a number, and is the string "wide"\.$/],
        ['0.defaults.num_hidden_layers', /^num_hidden_layers is 1000000000; more than 2048 layers are not read\.$/],
        ['0.defaults.num_attention_heads', /^num_attention_heads should be a whole number from 0, and is -5\.$/],
        ['0.defaults.rope_theta', /^rope_theta should be a number above 0, and is 0\.$/],
        ['1.defaults.num_hidden_layers', /^num_hidden_layers should be a whole number from 1, and is 2\.5\.$/],
      ],
    ],
    ['a layer without its number', [{ modelType: 'a', layout: { layer: 'h.' } }], [['0.layout.layer', /\{layer\}/]]],
  ];
  for (const [title, list, expected] of faults) {
    it(`says of ${title} what is wrong`, () => {
      const { problems } = readOwnFamilies(list);
      assert.equal(problems.length, expected.length, JSON.stringify(problems));
      for (const [index, [path, message]] of expected.entries()) {
        assert.equal(problems[index]?.path.join('.'), path);
        assert.match(problems[index]?.message ?? '', message);
      }
    });
  }

  it('leaves out a default that no model has, and keeps the others', () => {
    const { families } = readOwnFamilies([
      { modelType: 'a', like: 'llama', defaults: { num_hidden_layers: 1e9, rms_norm_eps: 1e-6 } },
    ]);
    assert.deepEqual(families[0]?.defaults, { rms_norm_eps: 1e-6 });
  });

  it('keeps what is right beside what is wrong', () => {
    const { families, problems } = readOwnFamilies([{ modelType: 'a' }, 7, { modelType: 'b', like: 'bert' }]);
    assert.deepEqual(
      families.map(({ modelType }) => modelType),
      ['a', 'b'],
    );
    assert.equal(problems.length, 1);
  });
});
