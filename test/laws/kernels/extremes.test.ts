import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import { attentionPatterns, type AttentionPattern, type AttentionShape, type Precision } from '../../../kernels/shape';
import { measureError } from '../../../kernels/tensors/error';
import { roundTo } from '../../../kernels/tensors/precision';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';
import { assertRight, drawRounded, mostAllowed, openMechanism, precisions, type OpenMechanism } from './run';
import type { AttentionInputs } from '../../../kernels/tensors/tensor';

const selfPatterns: readonly AttentionPattern[] = ['noncausal-self', 'causal-self'];

/** Three tiles of 64, the last one not full; float16 at the length that holds the position of a NaN. */
const shapeOf = (pattern: AttentionPattern, precision: Precision = 'float32'): AttentionShape => ({
  pattern,
  batch: 2,
  heads: 4,
  kvHeads: 2,
  queries: precision === 'float32' ? 132 : 75,
  keys: precision === 'float32' ? 132 : 75,
  headDim: 16,
  valueDim: 16,
});

/**
 * Scores that large. float16 ends at 65,504: products of rows come before they are divided by the root of their width, and
 * linear attention adds up its products over all keys before it divides.
 */
const largeScores = ({ family }: Mechanism, precision: Precision): number =>
  precision === 'float32' ? 1e4 : family === 'linear' ? 10 : 1e3;

/** What tells equal keys apart all the same. */
const byPlace: Readonly<Record<string, string>> = {
  alibi: 'a slope over the distance is added to the scores',
  'sink-bias': 'a bias is added to the score of the first key',
  longheads: 'keys are turned by their position',
  cmha: 'keys are turned by their position',
  landmark: 'the key of a block weighs its keys together',
};

for (const precision of precisions) {
  describe(`Law: extreme inputs give what the definition says, ${precision}`, function () {
    this.timeout(60_000);
    for (const mechanism of catalogue) {
      const large = largeScores(mechanism, precision);
      const tried = settings(mechanism).slice(0, precision === 'float32' ? undefined : 2);
      tried.forEach((parameters, at) => {
        describe(`${mechanism.id} ${JSON.stringify(parameters)}`, () => {
          // Cross attention over one length is non-causal self-attention: once for each mechanism.
          const patterns = at === 0 && precision === 'float32' ? attentionPatterns : selfPatterns;
          // All extremes of a shape run in one session.
          const sessions = new Map<string, Promise<OpenMechanism>>();
          after(async () => {
            for (const session of sessions.values()) await (await session).release();
          });
          const run = async (inputs: AttentionInputs, shape: AttentionShape): Promise<Tensor> => {
            const key = JSON.stringify(shape);
            const session = sessions.get(key) ?? openMechanism(mechanism, shape, parameters, precision);
            sessions.set(key, session);
            return (await session).run(inputs);
          };
          // So are its numbers, of which an extreme changes a copy.
          const supported = patterns
            .map((pattern) => shapeOf(pattern, precision))
            .filter((shape) => mechanism.supports(shape, parameters).ok);
          const drawn = new Map<AttentionShape, AttentionInputs>();
          const tryAll = async (check: (shape: AttentionShape, inputs: AttentionInputs) => Promise<void>) => {
            assert.ok(supported.length >= 1, `${mechanism.id} runs in no pattern`);
            for (const shape of supported) {
              const inputs = drawn.get(shape) ?? drawRounded(mechanism, shape, parameters, 13, precision);
              drawn.set(shape, inputs);
              await check(shape, inputs);
            }
          };

          it(`scores of plus and minus ${large} overflow nowhere`, async () => {
            await tryAll(async (shape, inputs) => {
              const steep = { ...inputs, query: roundTo(scaled(inputs.query, large / 4), precision) };
              assertRight(mechanism, await run(steep, shape), steep, shape, parameters, precision, shape.pattern);
            });
          });

          it(`queries of zeros give what the definition says`, async () => {
            await tryAll(async (shape, inputs) => {
              const flat = { ...inputs, query: scaled(inputs.query, 0) };
              assertRight(mechanism, await run(flat, shape), flat, shape, parameters, precision, shape.pattern);
            });
          });

          if (averagesEqualKeys(mechanism, parameters)) {
            it(`equal keys give the mean of the values that are read`, async () => {
              await tryAll(async (shape, inputs) => {
                const equal = { ...inputs, key: firstEverywhere(inputs.key) };
                const error = measureError(
                  await run(equal, shape),
                  meanOfRead(mechanism, inputs.value, shape, parameters),
                );
                assert.equal(error.nanMismatches, 0, shape.pattern);
                // Linear attention adds 1e-6 to its denominators.
                const allowed = mostAllowed(mechanism, equal, shape, parameters, precision) + 1e-6;
                assert.ok(error.maxAbsolute <= allowed, `${shape.pattern}: ${error.maxAbsolute}, allowed ${allowed}`);
              });
            });
          }

          const ahead: AttentionShape = { ...shapeOf('causal-self'), batch: 1, keys: 72 };
          if (mechanism.supports(ahead, parameters).ok) {
            it(`queries before the first key give zeros, and NaN in them stays there`, async () => {
              const inputs = drawRounded(mechanism, ahead, parameters, 13, precision);
              inputs.query.data.fill(Number.NaN, 0, 60 * ahead.headDim);
              const actual = await run(inputs, ahead);
              assert.ok(
                actual.data.subarray(0, 60 * ahead.valueDim).every((value) => value === 0),
                'rows that read nothing are zeros',
              );
              assertRight(mechanism, actual, inputs, ahead, parameters, precision, 'queries ahead');
            });
          }

          for (const place of ['query', 'key', 'value'] as const) {
            it(`NaN in one ${place} reaches all that read it, and nothing beyond their tile`, async () => {
              await tryAll((shape, inputs) => checkNaN(run, mechanism, shape, inputs, parameters, place, precision));
            });
          }
        });
      });
    }
  });
}

/** Whether equal keys get equal weights: outputs are averages, of keys that are chosen beforehand, each by itself. */
function averagesEqualKeys(mechanism: Mechanism, parameters: ParameterValues): boolean {
  if (!mechanism.template.normaliser.averagesValues || byPlace[mechanism.id] !== undefined) return false;
  return attentionPatterns
    .map((pattern) => shapeOf(pattern))
    .every((shape) => {
      if (!mechanism.supports(shape, parameters).ok) return true;
      const { dependsOnData, summarises } = mechanism.pattern(shape, parameters);
      return !dependsOnData && summarises === undefined;
    });
}

/** [b, hkv, m, d] with the key of the first position at every position. */
function firstEverywhere(key: Tensor): Tensor {
  const [, , positions = 1, width = 1] = key.shape;
  const block = positions * width;
  return tensor(
    key.shape,
    key.data.map((_, at) => key.data[at - (at % block) + (at % width)]!),
  );
}

function meanOfRead(mechanism: Mechanism, value: Tensor, shape: AttentionShape, parameters: ParameterValues): Tensor {
  const { batch, heads, kvHeads, queries, keys, valueDim } = shape;
  const { reads } = mechanism.pattern(shape, parameters);
  const data = new Float64Array(batch * heads * queries * valueDim);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < queries; i++) {
      const read = Array.from({ length: keys }, (_, j) => j).filter((j) => reads(h, i, j));
      for (let b = 0; b < batch; b++) {
        const from = (b * kvHeads + Math.floor((h * kvHeads) / heads)) * keys;
        const out = ((b * heads + h) * queries + i) * valueDim;
        for (let x = 0; x < valueDim; x++) {
          for (const j of read) data[out + x]! += value.data[(from + j) * valueDim + x]! / read.length;
        }
      }
    }
  }
  return tensor([batch, heads, queries, valueDim], data);
}

it('Law: most mechanisms whose outputs are averages are tried on equal keys', () => {
  const tried = catalogue.filter((mechanism) => settings(mechanism).some((each) => averagesEqualKeys(mechanism, each)));
  assert.ok(tried.length >= 12, tried.map(({ id }) => id).join(', '));
  for (const id of Object.keys(byPlace))
    assert.ok(
      catalogue.some((mechanism) => mechanism.id === id),
      id,
    );
});

const scaled = (x: Tensor, factor: number): Tensor =>
  tensor(
    x.shape,
    x.data.map((value) => Math.fround(value * factor)),
  );

const lastSequence = ({ query, key, value, weights }: AttentionInputs): AttentionInputs => {
  const last = ({ shape: [batch = 1, ...rest], data }: Tensor): Tensor =>
    tensor([1, ...rest], data.slice(data.length - data.length / batch));
  return { query: last(query), key: last(key), value: last(value), weights };
};

/**
 * One number of one head at one position becomes NaN. A query that reads it must give NaN (the reference says which). A query
 * that does not read it must stay clean when no query of its tile reads a key of that tile: inside a tile a masked weight of
 * zero times NaN is NaN, in every kernel that multiplies whole tiles. Other sequences and other heads stay clean always.
 */
async function checkNaN(
  run: (inputs: AttentionInputs, shape: AttentionShape) => Promise<Tensor>,
  mechanism: Mechanism,
  shape: AttentionShape,
  clean: AttentionInputs,
  parameters: ParameterValues,
  place: 'query' | 'key' | 'value',
  precision: Precision,
): Promise<void> {
  const position = 70;
  const head = 1;
  const poisoned = tensor(clean[place].shape, clean[place].data.slice());
  const inputs = { ...clean, [place]: poisoned };
  const [, heads = 1, positions = 1, width = 1] = poisoned.shape;
  poisoned.data[((heads + head) * positions + position) * width + 3] = Number.NaN;

  const actual = await run(inputs, shape);
  // The other sequences have no NaN and must give none: the definition is asked of the last alone.
  const expected = mechanism.reference(lastSequence(inputs), { ...shape, batch: 1 }, parameters);
  const begin = actual.data.length - expected.data.length;
  const pattern = mechanism.pattern(shape, parameters);
  const tile = pattern.block ?? { queries: shape.queries, keys: shape.keys };
  const group = shape.heads / shape.kvHeads;

  // onnxruntime 1.30 (2026-11-24): GroupQueryAttention gives zeros for a query whose scores are all NaN; not so in float16.
  const zeros =
    mechanism.id === 'fused' && precision === 'float32' && shape.pattern === 'causal-self' && place === 'query';

  const touches = (h: number, query: number): boolean => {
    if (place === 'query' && !pattern.readsQueries)
      return (h === head || pattern.joinsHeads === true) && query === position;
    const kvHead = place === 'query' ? Math.floor(head / group) : head;
    if (Math.floor(h / group) !== kvHead && !pattern.joinsHeads) return false;
    const firstQuery = Math.floor(query / tile.queries) * tile.queries;
    const firstKey = Math.floor(position / tile.keys) * tile.keys;
    for (let i = firstQuery; i < Math.min(firstQuery + tile.queries, shape.queries); i++) {
      for (let j = firstKey; j < Math.min(firstKey + tile.keys, shape.keys); j++)
        if (pattern.reads(h, i, j) || pattern.summarises?.(h, i, j)) return true;
    }
    return false;
  };

  // Said of failures alone: there are millions of these numbers.
  const where = (b: number, h: number, i: number, x: number): string =>
    `${shape.pattern}, sequence ${b}, head ${h}, query ${i}, column ${x}`;
  for (let b = 0; b < shape.batch; b++) {
    for (let h = 0; h < shape.heads; h++) {
      for (let i = 0; i < shape.queries; i++) {
        // Once a row: it looks through a tile.
        let near: boolean | undefined;
        for (let x = 0; x < shape.valueDim; x++) {
          const at = ((b * shape.heads + h) * shape.queries + i) * shape.valueDim + x;
          const isNaN = Number.isNaN(actual.data[at]);
          if (Number.isNaN(expected.data[at - begin])) {
            if (zeros) {
              if (!Object.is(actual.data[at], 0)) assert.fail(`not zero: ${where(b, h, i, x)}`);
            } else if (!isNaN) assert.fail(`NaN was lost: ${where(b, h, i, x)}`);
          } else if (isNaN && !(b === 1 && (near ??= touches(h, i))))
            assert.fail(`NaN where it must not be: ${where(b, h, i, x)}`);
        }
      }
    }
  }
}
