import assert from 'node:assert/strict';
import { supports } from '../../../compute-server/harness/describe';
import type { SelfTest } from '../../../protocol/compute/api';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import { operatorTests } from '../../../compute-server/devices/operator-tests';
import { catalogue } from '../../../kernels/catalogue';
import { operatorsOf } from '../../../kernels/graph/operators-of';
import { inStandardOperators, isRewritten } from '../../../kernels/graph/portable';
import type { Graph } from '../../../kernels/graph/graph';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { attentionPatterns, type AttentionShape } from '../../../kernels/shape';

/** Every graph that the catalogue builds with its default parameters, decoding steps among them. */
function* graphs(): Generator<readonly [name: string, graph: Graph]> {
  for (const mechanism of catalogue) {
    const resolved = resolveTable(mechanism.id, mechanism.parameters, {});
    assert.ok(resolved.ok);
    for (const pattern of attentionPatterns) {
      const sizes = { batch: 1, heads: 4, kvHeads: 4, headDim: 32, valueDim: 32 };
      const shape: AttentionShape = { pattern, ...sizes, queries: 300, keys: 300 };
      const name = `${mechanism.id}, ${pattern}`;
      if (mechanism.supports(shape, resolved.values).ok)
        yield [name, mechanism.build(shape, resolved.values, 'float32')];
      if (pattern !== 'causal-self' || !mechanism.decode) continue;
      const step = { ...shape, queries: 1 };
      yield [`${name}, decoding`, mechanism.decode.build(step, resolved.values, 'float32')];
    }
  }
}

describe('a device that lacks operators', () => {
  const plan: BenchmarkSetup = {
    mechanisms: ['tiled', 'moh', 'linear', 'lightning-attention'],
    baseline: 'scaled-dot-product',
    shape: {
      ...{ pattern: 'causal-self', batch: 1, heads: 4, kvHeads: 4, headDim: 32, valueDim: 32 },
      lengths: [256, 4096],
    },
    parameters: {},
    device: 'webgpu',
    threads: 0,
    precision: 'float32',
    seed: 1,
    secondsPerLength: 1,
    measureMemory: false,
  };
  const without = (...missing: readonly string[]): SelfTest => ({
    maxError: 0,
    operators: Object.fromEntries(
      Object.keys(operatorTests).map((name) => [
        name,
        missing.includes(name) ? { ok: false, reason: `${name} is not available on this device.` } : { ok: true },
      ]),
    ),
  });
  const whyNot = (selfTest: SelfTest): Record<string, string | undefined> =>
    Object.fromEntries(supports(plan, 1e12, selfTest).map(({ mechanism, why }) => [mechanism, why]));

  it('refuses the mechanisms whose graphs have them, by name, and those alone', () => {
    assert.deepEqual(whyNot(without('NonZero', 'Scan')), {
      tiled: undefined,
      moh: 'NonZero is not available on this device.',
      linear: undefined,
      'lightning-attention': 'Scan is not available on this device.',
      'scaled-dot-product': undefined,
    });
  });

  it('needs neither the fused product nor Elu: off the cpu both are written in standard operators', () => {
    assert.deepEqual(Object.values(whyNot(without('FusedMatMul', 'Elu'))).filter(Boolean), []);
    assert.match(whyNot(without('MatMul', 'Softmax'))['tiled'] ?? '', /^MatMul is not .*same holds for Softmax\.$/);
  });
});

describe('the self-test of a device', function () {
  this.timeout(60_000);

  it('tests every operator of every graph of the catalogue, as the cpu runs it and as other devices do', () => {
    const missing = new Map<string, string>();
    for (const [name, graph] of graphs()) {
      for (const operator of operatorsOf(graph.model)) if (!operatorTests[operator]) missing.set(operator, name);
      for (const operator of operatorsOf(inStandardOperators(graph).model)) {
        if (!operatorTests[operator]) missing.set(operator, `${name}, in standard operators`);
        assert.ok(!isRewritten(operator), `${operator} stays in ${name}`);
      }
    }
    assert.deepEqual(Object.fromEntries(missing), {});
  });
});
