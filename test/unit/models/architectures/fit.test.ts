import assert from 'node:assert/strict';
import { runnable, specifyModel } from '../../../../models/architectures/catalogue';
import { requireFit } from '../../../../models/architectures/fit';
import { describeModel } from '../../../../models/formats/describe-model';
import { expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';
import { tinyModel, tinyModels } from '../../../support/checkpoints/tiny-models';
import { referenceModels } from '../../../support/reference/reference-models';
import { tinyGemma3n } from '../../../support/checkpoints/tiny-gemma3n';
import { tinyGemma4 } from '../../../support/checkpoints/tiny-gemma4';
import { tinyMimoV2 } from '../../../support/checkpoints/tiny-mimo-v2';
import { tinyMiniMaxM3 } from '../../../support/checkpoints/tiny-minimax-m3';
import { tinyGla } from '../../../support/checkpoints/tiny-gla';
import { tinyMosaic } from '../../../support/checkpoints/tiny-mosaic';
import { tinyRwkv6 } from '../../../support/checkpoints/tiny-rwkv6';
import { tinyNemotronH } from '../../../support/checkpoints/tiny-nemotron-h';
import { tinyRotaryBerts } from '../../../support/checkpoints/tiny-rotary-berts';
import { tinyVariants } from '../../../support/checkpoints/tiny-variants';
import { tinyVlms } from '../../../support/checkpoints/tiny-vision';

type Shapes = Readonly<Record<string, readonly number[]>>;

const fit = (config: object, shapes: Shapes): readonly string[] =>
  requireFit(
    describeModel(config),
    Object.entries(shapes).map(([name, shape]) => ({ name, shape })),
  );
const without = (shapes: Shapes, pattern: RegExp): Shapes =>
  Object.fromEntries(Object.entries(shapes).filter(([name]) => !pattern.test(name)));

describe('tensors of a checkpoint held against its config', () => {
  for (const { name, config, shapes } of [
    ...tinyModels,
    ...tinyVariants,
    ...tinyRotaryBerts,
    ...tinyNemotronH,
    ...tinyGemma4,
    tinyGemma3n,
    tinyMimoV2,
    ...tinyMiniMaxM3,
    ...tinyVlms,
  ]) {
    it(`${name}: whole, nothing to say`, () => {
      assert.deepEqual(fit(config, shapes), []);
    });
  }

  it('one bias that is not there is refused by its name', () => {
    for (const [family, pattern, sentence] of [
      [
        'qwen2',
        /layers\.1\.self_attn\.k_proj\.bias/,
        /^The weights lack model\.layers\.1\.self_attn\.k_proj\.bias\. Correct/,
      ],
      ['gpt2', /h\.0\.ln_1\.bias/, /^The weights lack transformer\.h\.0\.ln_1\.bias\./],
      ['gpt_neox', /dense\.bias/, /^The weights lack gpt_neox\.layers\.0\.attention\.dense\.bias and 1 more\./],
      ['opt', /final_layer_norm\.bias/, /^The weights lack .*final_layer_norm\.bias and 2 more\./],
      ['llama', /lm_head/, /^The weights lack lm_head\.weight\./],
    ] as const) {
      const { config, shapes } = tinyModel(family);
      assert.throws(() => fit(config, without(shapes, pattern)), { name: 'ModelError', message: sentence });
    }
  });

  it('a classifier of another number of labels is refused with both numbers', () => {
    const { config, shapes } = tinyModel('bert');
    const classes = { ...config, architectures: ['BertForTokenClassification'], num_labels: 5 };
    const own = without(shapes, /^cls\./);
    const width = shapes['bert.encoder.layer.0.output.dense.bias']?.[0] ?? 0;
    const classifier = (rows: number): Shapes => ({
      ...own,
      'classifier.weight': [rows, width],
      'classifier.bias': [rows],
    });
    assert.throws(() => fit(classes, classifier(3)), {
      name: 'ModelError',
      message:
        'The config names 5 labels, and classifier.weight has 3. Correct id2label or num_labels in the config, or fetch the weights that belong to it.',
    });
    assert.deepEqual(fit(classes, classifier(5)), []);
  });

  it('a decoder that runs reads every tensor that its row lists', () => {
    const configs = [
      ...tinyModels,
      ...tinyVariants,
      ...tinyRotaryBerts,
      ...tinyNemotronH,
      ...tinyGemma4,
      tinyGemma3n,
      tinyMimoV2,
      ...tinyMiniMaxM3,
      ...tinyGla,
      ...tinyRwkv6,
      ...tinyMosaic,
      ...referenceModels,
    ].map(({ config }) => config);
    let seen = 0;
    for (const config of configs) {
      const model = describeModel(config);
      const [part] = model.parts;
      const pair = model.parts.length === 2 && model.parts[1]?.role === 'encoder';
      if ((model.parts.length !== 1 && !pair) || part?.role !== 'decoder' || runnable(model) !== true) continue;
      const expected = new Map(
        (expectedTensors(model) ?? []).flatMap((tensor) =>
          [...tensorNames(tensor)].map((name) => [name, tensor.shape]),
        ),
      );
      const find = (name: string) => {
        const shape = expected.get(name);
        return shape && { name, shape, dtype: 'F32', location: 'model.safetensors', offset: 0, length: 4 };
      };
      const spec = JSON.stringify(specifyModel(model, { find }));
      // What cross-attention of a decoder alone would read is given by nobody, and scorers that choose everything and projections of marked tokens are not asked.
      const read = [...expected.keys()].filter(
        (name) => (pair || !name.includes('.encoder_attn')) && !/\.indexer\.|\.index_[qk]_|_global\./.test(name),
      );
      // ImageGPT's classes of pictures are made of the mean of all colours: its run ends with what predicts the next one.
      const pictures = model.task.kind === 'image-classification' ? 'score.weight' : undefined;
      const unread = read.filter((name) => name !== pictures && !spec.includes(`"${name}"`));
      assert.deepEqual(unread, [], String(config['model_type']));
      seen++;
    }
    assert.ok(seen >= tinyModels.length);
  });

  it('the head of a model of masked tokens may be absent: its attention runs without', () => {
    const { config, shapes } = tinyModel('bert');
    assert.deepEqual(fit(config, without(shapes, /^cls\./)), []);
  });

  it('layers and tensors that would be left unread are named', () => {
    const { config, shapes } = tinyModel('llama');
    assert.deepEqual(fit({ ...config, num_hidden_layers: 1 }, { ...shapes, 'model.extra.weight': [3] }), [
      'The weights have layer 1, beyond num_hidden_layers 1. They would be left unread.',
      'The weights hold model.extra.weight, which the config does not ask for.',
    ]);
  });

  it('what the config switches off is not computed with, though the weights hold it', () => {
    for (const [family, key, maps] of [
      ['llama', 'attention_bias', /self_attn\.\w_proj/],
      ['llama', 'mlp_bias', /mlp\.\w+_proj/],
      ['qwen3, heads wider than hidden', 'attention_bias', /self_attn\.\w_proj/],
    ] as const) {
      const { config, shapes } = tinyModel(family);
      const biases = Object.entries(shapes)
        .filter(([name]) => maps.test(name))
        .map(([name, [rows = 0]]) => [name.replace(/weight$/, 'bias'), [rows]] as const);
      const stored = { ...shapes, ...Object.fromEntries(biases) };
      const specified = (of: object) => {
        const model = describeModel(of);
        const found = Object.entries(stored).map(([name, shape]) => ({ name, shape }));
        const tensor = (name: string, shape: readonly number[]) => ({
          ...{ name, shape, dtype: 'F32', location: 'model.safetensors', offset: 0, length: 4 },
        });
        const find = (name: string) => (stored[name] ? tensor(name, stored[name]) : undefined);
        return requireFit(model, found, specifyModel(model, { find }));
      };
      assert.deepEqual(specified({ ...config, [key]: true }), [], key);
      assert.throws(() => specified(config), {
        name: 'ModelError',
        message: /^The weights hold \S+\.bias, .* which the config does not ask for\. Correct the config, /,
      });
    }
  });

  it('a class without a language head has none, where the embedding is not tied to one', () => {
    const { config, shapes } = tinyModel('llama');
    const stored = without(shapes, /^lm_head/);
    const find = (name: string) =>
      stored[name] && { name, shape: stored[name], dtype: 'F32', location: 'model.safetensors', offset: 0, length: 4 };
    const headOf = (of: object) => {
      const specified = specifyModel(describeModel(of), { find });
      return specified.kind === 'text' ? specified.text.head.vocabulary : assert.fail();
    };
    assert.equal(headOf({ ...config, architectures: ['LlamaModel'] }), undefined);
    assert.equal(headOf({ ...config, tie_word_embeddings: true })?.weight, 'model.embed_tokens.weight');
  });

  it('a pair of encoders may lack its text half as a whole, and nothing else', () => {
    const clip = {
      model_type: 'clip',
      architectures: ['CLIPModel'],
      text_config: { hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32 },
      vision_config: { hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32 },
    };
    const model = describeModel(clip);
    const found = (role: string) =>
      (expectedTensors(model) ?? [])
        .filter((tensor) => tensor.role === role)
        .flatMap((tensor) => [...tensorNames(tensor)].map((name) => ({ name, shape: tensor.shape })));
    assert.deepEqual(requireFit(model, found('vision')), []);
    const lacking = (pattern: RegExp) =>
      [...found('vision'), ...found('encoder')].filter(({ name }) => !pattern.test(name));
    assert.deepEqual(requireFit(model, lacking(/^none$/)), []);
    assert.throws(
      () => requireFit(model, lacking(/text_model\S+fc1\.bias/)),
      /The weights lack text_model\S+fc1\.bias/,
    );
    assert.throws(() => requireFit(model, found('encoder')), /The weights lack vision_model\.\S+\.bias/);
  });
});
