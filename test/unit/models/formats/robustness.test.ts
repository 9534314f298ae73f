import assert from 'node:assert/strict';
import { defaultsOf } from '../../../../models/formats/families/shared/family';
import { parseConfig } from '../../../../models/formats/config/parse-config';
import { describeModel, isModelConfig } from '../../../../models/formats/describe-model';
import { decodeFlops, prefillFlops } from '../../../../models/formats/estimates/flops';
import { kvCache } from '../../../../models/formats/estimates/kv-cache';
import { weightBytes } from '../../../../models/formats/estimates/weights';
import { families } from '../../../../models/formats/families/catalogue';
import { countParameters, expectedTensors } from '../../../../models/formats/expected-tensors';
import type { JsonValue } from '../../../../models/formats/model-description';
import { computing } from '../../../support/patience';

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const everything = (value: unknown): void => {
  isModelConfig(value);
  const model = describeModel(value);
  for (const estimate of [
    kvCache(model, { length: 4096 }),
    decodeFlops(model, 4096),
    prefillFlops(model, 4096),
    weightBytes(model),
  ]) {
    assert.ok(estimate === undefined || !Number.isNaN(estimate.value));
  }
  countParameters(model);
};

const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  '4096',
  'x'.repeat(1000),
  [],
  [null],
  [1e308, -1],
  {},
  { model_type: 'llama' },
  [[[]]],
  { factor: null },
];

describe('descriptions of anything', () => {
  it('of values that are no config', () => {
    for (const value of [...hostile, undefined, NaN, () => 1]) everything(value);
    assert.equal(isModelConfig({ compilerOptions: { strict: true } }), false);
    assert.equal(isModelConfig({ name: 'x', version: '1.0.0', layers: 3 }), false);
  });

  it('of every family with nothing but its type', () => {
    for (const family of families) {
      for (const model_type of family.modelTypes) {
        // The word "transformer" names a family only beside a key of its library.
        const key = model_type === 'transformer' ? { num_heads: 4 } : {};
        const model = describeModel({ model_type, ...key });
        assert.equal(model.family, family.id);
        everything({ model_type });
      }
    }
  });

  it('family ids and types are unique', () => {
    const ids = families.map(({ id }) => id);
    const types = families.flatMap(({ modelTypes }) => modelTypes);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(new Set(types).size, types.length);
  });

  it('of 5,000 mutated configs, none over a second of computing', () => {
    const draw = random(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)] as T;
    let slowest = 0;
    for (let round = 0; round < 5000; round++) {
      const family = pick(families);
      const type = pick(family.modelTypes);
      const config: Record<string, unknown> = { ...defaultsOf(family, type)?.values, model_type: type };
      for (let change = 0; change < 4; change++) {
        const key = pick([
          ...Object.keys(config),
          'text_config',
          'vision_config',
          'rope_scaling',
          'layer_types',
          'num_experts',
          'quantization_config',
          'architectures',
          'kv_lora_rank',
          'head_dim',
          'image_size',
        ]);
        config[key] = pick(hostile);
      }
      const began = process.cpuUsage();
      everything(config);
      const { user, system } = process.cpuUsage(began);
      slowest = Math.max(slowest, (user + system) / 1000);
    }
    assert.ok(slowest < computing(1000), `${slowest} ms of computing`);
  });

  it('of classes and values that are called like a member of every object', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      for (const family of families) {
        for (const model_type of family.modelTypes) {
          everything({ model_type, architectures: [name] });
          const words = Object.entries(defaultsOf(family, model_type)?.values ?? {}).filter(
            ([, value]) => typeof value === 'string',
          );
          everything({ model_type, ...Object.fromEntries(words.map(([key]) => [key, name])) });
        }
      }
    }
  });

  it('of sizes and counts that are large all at once, without multiplying one by another', () => {
    const large = (value: JsonValue | undefined): JsonValue => {
      if (Array.isArray(value)) return new Array<JsonValue>(100).fill(large((value as readonly JsonValue[])[0]));
      return typeof value === 'number' || value === null || value === undefined ? 300 : value;
    };
    for (const family of families) {
      for (const type of family.modelTypes) {
        const values = defaultsOf(family, type)?.values ?? {};
        const config = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, large(value)]));
        // Networks of diffusers are named by their class.
        const named =
          config['_class_name'] === undefined && /^[A-Z]/.test(type) ? { _class_name: type } : { model_type: type };
        const tensors = expectedTensors(describeModel({ ...config, ...named }))?.length ?? 0;
        assert.ok(tensors < 60_000, `${type}: ${tensors}`);
      }
    }
  });

  it('of thousands of unknown layers without growing by the square', () => {
    const layer_types = Array.from({ length: 2048 }, (_, index) => `kind ${index}`);
    const began = process.cpuUsage();
    const { problems } = describeModel({ model_type: 'llama', num_hidden_layers: 2048, layer_types });
    assert.ok(problems.length > 0 && problems.length <= 500);
    const { user, system } = process.cpuUsage(began);
    assert.ok((user + system) / 1000 < computing(1000));
  });

  it('names what it could not read', () => {
    const { problems } = describeModel({ model_type: 'llama', hidden_size: '4096', num_hidden_layers: -3 });
    assert.deepEqual(
      problems.map(({ path, code }) => [path.join('.'), code]),
      [
        ['hidden_size', 'wrong-type'],
        ['num_hidden_layers', 'out-of-range'],
      ],
    );
  });
});

describe('parseConfig', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['{"a": Infinity, "b": -Infinity}', { a: Infinity, b: -Infinity }],
    ['{"a": NaN, "NaN": "Infinity"}', { a: null, NaN: 'Infinity' }],
    ['\uFEFF{"a": 1}', { a: 1 }],
  ];
  for (const [text, value] of rows) {
    it(JSON.stringify(text), () => {
      assert.deepEqual(parseConfig(text), { ok: true, value });
    });
  }
  it('refuses a million brackets', () => {
    assert.equal(parseConfig('['.repeat(1_000_000)).ok, false);
  });
});
