/** The operators of a step, added up, are what the estimates of operations, cache and weights say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../../../models/formats/config/parse-config';
import { describeModel } from '../../../../../models/formats/describe-model';
import { decodeFlops, prefillFlops } from '../../../../../models/formats/estimates/flops';
import { kvCache } from '../../../../../models/formats/estimates/kv-cache';
import { publishedDevice } from '../../../../../models/formats/estimates/serving/devices';
import type { Operator } from '../../../../../models/formats/estimates/serving/operators';
import { usualRequest } from '../../../../../models/formats/estimates/serving/request';
import { servingCost } from '../../../../../models/formats/estimates/serving/serving';
import { weightBytes } from '../../../../../models/formats/estimates/weights';
import { families } from '../../../../../models/formats/families/catalogue';
import type { ModelDescription } from '../../../../../models/formats/model-description';
import { corpus, corpusModels as published } from '../../../../support/corpus';

function* models(): Generator<readonly [name: string, model: ModelDescription]> {
  for (const type of families.flatMap(({ modelTypes }) => modelTypes)) {
    yield [
      `${type} by its defaults`,
      describeModel({ model_type: type, architectures: ['LlamaForCausalLM'], dtype: 'bfloat16' }),
    ];
  }
  for (const name of published) {
    const parsed = parseConfig(readFileSync(join(corpus, name, 'config.json'), 'utf8'));
    if (parsed.ok) yield [name, describeModel(parsed.value)];
  }
}

const total = (operators: readonly Operator[], of: (operator: Operator) => number): number =>
  operators.reduce((sum, operator) => sum + of(operator), 0);

/** Cross-attention writes its keys and values with the prompt; the other estimates count them with each token. */
const differs = ({ parts: [part] }: ModelDescription): boolean =>
  part?.layers.some(({ crossAttention }) => crossAttention !== undefined) ?? true;

describe('operators of a step add up', () => {
  const a100 = publishedDevice('a100-80gb');
  assert.ok(a100);
  const request = { ...usualRequest(a100), batch: 3, prompt: 700, context: 5000, latents: 'expanded' } as const;
  let served = 0;

  it('to the operations of flops.ts, the cache of kv-cache.ts, the weights of weights.ts', () => {
    for (const [name, model] of models()) {
      const outcome = servingCost(model, request);
      if (!outcome.ok || differs(model)) continue;
      served++;
      const { prefill, decode, figures } = outcome.cost;
      const near = (found: number, expected: number, what: string): void =>
        assert.ok(
          Math.abs(found - expected) <= 1e-9 * Math.abs(expected) + 1,
          `${name}: ${what} ${found} for ${expected}`,
        );
      near(decode.flops, 3 * (decodeFlops(model, 5000)?.value ?? 0), 'operations of a token');
      near(prefill.flops, 3 * (prefillFlops(model, 700)?.value ?? 0), 'operations of a prompt');
      const cache = (length: number): number => kvCache(model, { length, batch: 3, latents: 'expanded' })?.value ?? 0;
      near(figures.cache.value, cache(5000), 'bytes of the cache');
      near(
        total(prefill.operators, ({ cacheBytes }) => cacheBytes),
        cache(700),
        'bytes that a prompt leaves',
      );
      const layers = model.parts[0]?.layers ?? [];
      // An indexer reads less than it keeps.
      const plain = !layers.some(
        ({ attention: { sharesKvOf, indexer, stateElements, kind } }) =>
          sharesKvOf !== undefined || indexer !== undefined || stateElements !== undefined || /linear|mamba/.test(kind),
      );
      if (plain)
        near(
          total(decode.operators, ({ cacheBytes }) => cacheBytes),
          cache(5001),
          'bytes that a token reads and writes',
        );
      const stored = weightBytes(model);
      if (stored !== undefined) near(figures.weights.value, stored.value, 'bytes of the weights');
      for (const operator of [...prefill.operators, ...decode.operators]) {
        assert.ok(Number.isFinite(operator.seconds) && operator.seconds >= 0, `${name}: ${operator.name}`);
      }
      near(total(prefill.operators, ({ seconds }) => seconds) * 1e9, figures.timeToFirstToken.value * 1e9, 'seconds');
    }
    assert.ok(served > 40, `${served} models`);
  });

  it('and to no other numbers when a sequence is served on as many devices as divide its heads', () => {
    for (const type of ['llama', 'mixtral', 'gemma2', 'qwen3_moe']) {
      const model = describeModel({
        model_type: type,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        dtype: 'bfloat16',
      });
      const [one, four] = [1, 4].map((tensorParallel) => servingCost(model, { ...request, tensorParallel }));
      assert.ok(one?.ok && four?.ok);
      const divided = (operators: readonly Operator[], of: (operator: Operator) => number): number =>
        total(
          operators.filter(
            ({ part, name }) => part !== 'norms and residuals' && !/gate$|router/.test(name) && part !== 'embedding',
          ),
          of,
        );
      for (const of of [({ flops }: Operator) => flops, ({ cacheBytes }: Operator) => cacheBytes]) {
        const [whole, share] = [divided(one.cost.decode.operators, of), divided(four.cost.decode.operators, of)];
        assert.ok(Math.abs(whole / (4 * share) - 1) < 1e-9, `${type}: ${whole} and ${share}`);
      }
    }
  });
});
