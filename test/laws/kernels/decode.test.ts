import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../../kernels/shape';
import { measureError } from '../../../kernels/tensors/error';
import { drawInputs } from '../../../kernels/inputs';
import type { AttentionInputs, Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';
import { advanced, positionsOf } from './positions';
import { drawRounded, mostAllowed, runGraph, runMechanism } from './run';

const length = 23;
const narrowValues: AttentionShape = {
  pattern: 'causal-self',
  batch: 2,
  heads: 4,
  kvHeads: 2,
  queries: length,
  keys: length,
  headDim: 16,
  valueDim: 8,
};

/** Values narrower than keys where the mechanism takes them. */
const baseOf = (mechanism: Mechanism, parameters: ParameterValues): AttentionShape =>
  mechanism.supports(narrowValues, parameters).ok ? narrowValues : { ...narrowValues, valueDim: narrowValues.headDim };

/** Every setting in float32, and the smallest blocks in float16. */
const inEach = (mechanism: Mechanism): readonly (readonly [ParameterValues, Precision])[] => {
  const all = settings(mechanism);
  return [
    ...all.map((each) => [each, 'float32'] as const),
    ...all.slice(0, 2).map((each) => [each, 'float16'] as const),
  ];
};

const stepOf = (base: AttentionShape, keys: number): AttentionShape => ({ ...base, queries: 1, keys });

const cut = (inputs: AttentionInputs, start: number, end: number): AttentionInputs => ({
  ...inputs,
  query: positionsOf(inputs.query, start, end),
  key: positionsOf(inputs.key, start, end),
  value: positionsOf(inputs.value, start, end),
});

describe('Law: decoding position by position gives the rows of the whole pass', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue) {
    const { decode } = mechanism;
    if (!decode) continue;
    // WERSA's published filter reads later tokens: its defaults have no causal pass that could go on.
    const some = mechanism.id === 'wersa' ? settings(mechanism) : settings(mechanism).slice(0, 1);
    it(`${mechanism.id} decodes by its defaults`, () => {
      assert.ok(some.some((each) => mechanism.supports(baseOf(mechanism, each), each).ok));
    });
    for (const [parameters, precision] of inEach(mechanism)) {
      const base = baseOf(mechanism, parameters);
      const at = (keys: number) => stepOf(base, keys);
      if (!mechanism.supports(base, parameters).ok) continue;
      it(`${mechanism.id} ${JSON.stringify(parameters)}, ${precision}`, async () => {
        const inputs = drawRounded(mechanism, base, parameters, 17, precision);
        const pass = mechanism.reference(inputs, base, parameters);
        const { dependsOnLength, dependsOnFuture } = mechanism.pattern(base, parameters);
        const ofPrefix = dependsOnLength === true || dependsOnFuture === true;
        /**
         * What the position reads in the pass over the whole, or, where that depends on the length or on later positions, in the
         * one that ends with it.
         */
        const rowAt = (position: number): Tensor => {
          const end = position + 1;
          const own = { ...base, queries: end, keys: end };
          const rows = ofPrefix ? mechanism.reference(cut(inputs, 0, end), own, parameters) : pass;
          return positionsOf(rows, position, end);
        };
        const allowed = 2 * mostAllowed(mechanism, inputs, base, parameters, precision);
        for (const near of [1, 14, 1000]) {
          const before = decode.typical?.(near, parameters) ?? near;
          assert.ok(Number.isInteger(before) && before > 0 && before <= near, `a step after ${before} for ${near}`);
        }
        for (const first of precision === 'float32' ? [1, 14] : [14]) {
          let state: Readonly<Record<string, Tensor>> = decode.stateAfter(
            cut(inputs, 0, first),
            { ...base, queries: first, keys: first },
            parameters,
          );
          for (let position = first; position < length; position++) {
            const shape = at(position + 1);
            const declared = decode.states(shape, parameters);
            for (const { name, shape: expected } of declared) assert.deepEqual(state[name]?.shape, expected, name);
            const { query, key, value } = cut(inputs, position, position + 1);
            const given = await runGraph(
              decode.build(shape, parameters, precision),
              { query, key, value, ...state, ...inputs.weights },
              precision,
            );
            const error = measureError(given['output']!, rowAt(position));
            assert.ok(
              error.maxAbsolute <= allowed && error.nanMismatches === 0,
              `position ${position} from ${first}: error ${error.maxAbsolute}, allowed ${allowed}`,
            );
            state = Object.fromEntries(
              declared.map((each) => [each.name, advanced(state[each.name]!, given[`next.${each.name}`], each)]),
            );
          }
          const end = decode.stateAfter(inputs, base, parameters);
          for (const [name, expected] of Object.entries(end)) {
            const error = measureError(state[name]!, expected);
            assert.ok(
              error.maxRelative < (precision === 'float32' ? 1e-4 : 1e-2),
              `the state ${name} ends ${error.maxRelative} apart`,
            );
          }
        }
      });
    }
  }
});

describe('Law: one query on a cache gives the row of the pass', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue.filter(({ decode }) => !decode)) {
    for (const [parameters, precision] of inEach(mechanism)) {
      const base = baseOf(mechanism, parameters);
      const at = (keys: number) => stepOf(base, keys);
      const { dependsOnFuture, dependsOnLength } = mechanism.pattern(base, parameters);
      if (dependsOnFuture || dependsOnLength || !mechanism.supports(at(length), parameters).ok) continue;
      it(`${mechanism.id} ${JSON.stringify(parameters)}, ${precision}`, async () => {
        const inputs = drawRounded(mechanism, base, parameters, 17, precision);
        const pass = mechanism.reference(inputs, base, parameters);
        const allowed = 2 * mostAllowed(mechanism, inputs, base, parameters, precision);
        for (let keys = precision === 'float32' ? 2 : length - 4; keys <= length; keys++) {
          if (!mechanism.supports(at(keys), parameters).ok) continue;
          const step = { ...cut(inputs, 0, keys), query: positionsOf(inputs.query, keys - 1, keys) };
          const output = await runMechanism(mechanism, step, at(keys), parameters, precision);
          const error = measureError(output, positionsOf(pass, keys - 1, keys));
          assert.ok(
            error.maxAbsolute <= allowed && error.nanMismatches === 0,
            `position ${keys - 1}: error ${error.maxAbsolute}, allowed ${allowed}`,
          );
        }
      });
    }
  }
});

describe('Law: one query on the keys before it gives the row of the whole pass, in float64, where the state is the plain cache', () => {
  for (const mechanism of catalogue.filter(({ decode }) => !decode)) {
    for (const parameters of settings(mechanism)) {
      const base = baseOf(mechanism, parameters);
      const at = (keys: number) => stepOf(base, keys);
      if (!mechanism.supports(base, parameters).ok) continue;
      const { dependsOnLength, dependsOnFuture } = mechanism.pattern(base, parameters);
      // A grid's shape or a choice by later positions makes another number of the same row: the pattern says so.
      if (dependsOnLength || dependsOnFuture) continue;
      it(`${mechanism.id} ${JSON.stringify(parameters)}`, () => {
        const inputs = drawInputs(mechanism, base, parameters, 17);
        const whole = mechanism.reference(inputs, base, parameters);
        for (let position = 0; position < length; position++) {
          const shape = at(position + 1);
          const support = mechanism.supports(shape, parameters);
          if (!support.ok) {
            // What is made of earlier queries cannot be had from a cache of keys and values: it says so.
            assert.match(support.why, /^[A-Z].*(queries|query).*\.$/);
            continue;
          }
          const before = cut(inputs, 0, position + 1);
          const query = positionsOf(inputs.query, position, position + 1);
          const row = mechanism.reference({ ...before, query }, shape, parameters);
          const error = measureError(row, positionsOf(whole, position, position + 1));
          assert.ok(
            error.nanMismatches === 0 && error.maxAbsolute <= 1e-10,
            `position ${position}: ${error.maxAbsolute}`,
          );
        }
      });
    }
  }
});
