/** Attention weights taken apart: held against float64 by hand on every family, and on a model whose circuit was planted. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attentionAttribution as analysis } from '../../../diagnostics/circuits/attention-attribution/analysis';
import type { WeightResult } from '../../../diagnostics/circuits/attention-attribution/result';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { LayerTap } from '../../../models/instrument/taps';
import type { Norm } from '../../../models/architectures/weights-spec';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyModels } from '../../support/checkpoints/tiny-models';
import { dot, type Vector } from '../../support/reference/vectors';
import { runnerOf } from '../../support/model-jobs';
import { Cases, type Case } from './cases';
import { answerFor, resultFor } from './one-run';

const [layer, head, query, key, against] = [1, 2, 13, 9, 11];

const resultOf = (
  model: LoadedModel,
  parameters: Readonly<Record<string, number>>,
  interventions: readonly Intervention[] = [],
  prompt: readonly number[] = ids,
): Promise<WeightResult> =>
  resultFor(model, analysis, {
    input: { kind: 'prompt', prompt: { kind: 'ids', ids: prompt } },
    parameters,
    interventions,
  });

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const plus = (a: Vector, b: Vector): number[] => a.map((x, i) => x + (b[i] ?? 0));

/** What head 1 of layer 0 adds to the score by way of the key, from the stored parameters and the taps of a plain run. */
async function keyPartByHand({ model, parameters }: OpenTiny): Promise<number> {
  const { spec } = model;
  const taps: readonly LayerTap[] = [
    'residual.input',
    'attention.head_output',
    'attention.output',
    'mlp_output',
    'attention.query',
    'attention.key',
  ];
  const { layers } = await runnerOf(model).run({
    ids,
    logits: 'none',
    taps: [0, 1].flatMap((at) => taps.map((tap) => ({ layer: at, tap }))),
  });
  const row = (at: number, tap: LayerTap, slot: number, position: number): number[] => {
    const tensor = layers[at]?.taps[tap] ?? assert.fail();
    const width = tensor.shape.at(-1) ?? 0;
    const start = (slot * ids.length + position) * width;
    return Array.from({ length: width }, (_, i) => Number(tensor.data[start + i]));
  };
  const through = (norm: Norm | undefined, part: Vector, whole: Vector): Vector => {
    if (!norm) return part;
    const mean = (x: Vector): number => (norm.kind === 'layer' ? sum([...x]) / x.length : 0);
    const own = whole.map((value) => value - mean(whole));
    const scale = Math.sqrt(dot(own, own) / own.length + norm.epsilon);
    const gain = parameters.vector(norm.weight ?? assert.fail()).map((value) => value + (norm.gainOffset ?? 0));
    return part.map((value, i) => ((value - mean(part)) / scale) * (gain[i] ?? 0));
  };
  const weights = await runnerOf(model).weights.layer(0);
  const { attention, attentionNorms, feedForwardNorms } = spec.blocks[0] ?? assert.fail();
  const { headDim: d, heads } = attention!;
  const { data, columns, bias } = weights.output;
  const output = (of: (slot: number) => boolean, withBias: boolean): number[] =>
    Array.from(
      { length: spec.hiddenSize },
      (_, i) =>
        sum(
          Array.from({ length: heads }, (__, slot) =>
            of(slot)
              ? dot(
                  row(0, 'attention.head_output', slot, key),
                  Array.from(data.subarray(i * columns + slot * d, i * columns + (slot + 1) * d)),
                )
              : 0,
          ),
        ) + (withBias ? (bias?.[i] ?? 0) : 0),
    );
  let part = through(
    attentionNorms.output,
    output((slot) => slot === 1, false),
    output(() => true, true),
  );
  const middle = plus(row(0, 'residual.input', 0, key), row(0, 'attention.output', 0, key));
  part = through(attentionNorms.after, part, middle);
  if (feedForwardNorms.after) {
    const { after } = attentionNorms;
    const normed = after ? plus(through(after, middle, middle), parameters.vector(after.bias ?? '')) : middle;
    part = through(feedForwardNorms.after, part, plus(normed, row(0, 'mlp_output', 0, key)));
  }
  const next = spec.blocks[1] ?? assert.fail();
  const { kvHeads, queryNorm, keyNorm, scale, rope: index } = next.attention!;
  const stream = row(1, 'residual.input', 0, key);
  const shared = Math.floor(head / (heads / kvHeads));
  const { key: map, attentionNorms: own } = await runnerOf(model).weights.layer(1);
  assert.equal(queryNorm === undefined, keyNorm === undefined);
  const projected = (x: Vector, from: Vector | undefined): number[] =>
    Array.from({ length: d }, (_, i) => {
      const at = shared * d + i;
      return dot(x, Array.from(map.data.subarray(at * map.columns, (at + 1) * map.columns))) + (from?.[i] ?? 0);
    });
  const input = next.attentionNorms.input;
  const whole = through(input, stream, stream);
  const biased = own.input?.bias ? plus(whole, Array.from(own.input.bias)) : whole;
  const wholeKey = projected(biased, map.bias && Array.from(map.bias.subarray(shared * d, (shared + 1) * d)));
  let ofPart = through(keyNorm, projected(through(input, part, stream), undefined), wholeKey);
  const rope = index === undefined ? undefined : spec.ropes[index];
  if (rope) {
    // Rotated by the definition, pair by pair: angle position / theta^(2i / dimensions), for the forms that stretch nothing.
    assert.equal(rope.scaling.kind, 'none');
    const half = rope.dimensions / 2;
    ofPart = ofPart.map((value, i) => {
      if (i >= rope.dimensions) return value;
      const pair = rope.layout === 'half' ? i % half : Math.floor(i / 2);
      const isFirst = rope.layout === 'half' ? i < half : i % 2 === 0;
      const step = rope.layout === 'half' ? half : 1;
      const angle = key / rope.theta ** ((2 * pair) / rope.dimensions);
      return isFirst
        ? value * Math.cos(angle) - (ofPart[i + step] ?? 0) * Math.sin(angle)
        : value * Math.cos(angle) + (ofPart[i - step] ?? 0) * Math.sin(angle);
    });
  }
  return scale * dot(row(1, 'attention.query', head, query), ofPart);
}

for (const tiny of tinyModels) {
  describe(`attention attribution of ${tiny.name}`, () => {
    let opened: OpenTiny;
    let result: WeightResult;
    before(async () => {
      opened = await openTiny(tiny);
      result = await resultOf(opened.model, { layer, head, query, key });
    });
    after(() => opened.close());

    it('all pairs sum to the score, and so does each side', () => {
      const { check, byQuery, byKey, groupQuery, groupKey, pairs } = result;
      assert.ok(check.error <= 1e-5, `${check.sum}, not ${result.score}`);
      const near = (values: readonly number[]): void =>
        assert.ok(Math.abs(sum(values) - check.sum) <= 1e-9 * Math.max(1, Math.abs(check.sum)));
      [byQuery, byKey, groupQuery, groupKey, pairs.flat()].forEach(near);
    });

    it('the part of an earlier head in the key is as by hand', async () => {
      const place = result.parts.findIndex((part) => part.kind === 'head' && part.layer === 0 && part.head === 1);
      const expected = await keyPartByHand(opened);
      const found = result.byKey[place] ?? Number.NaN;
      assert.ok(Math.abs(found - expected) <= 1e-5 * Math.max(1, Math.abs(expected)), `${found}, not ${expected}`);
    });

    it('the lead in score over another key is the logarithm of the ratio of their weights', async () => {
      const two = await resultOf(opened.model, { layer, head, query, key, against });
      assert.ok(two.check.error <= 1e-5);
      const other = await resultOf(opened.model, { layer, head, query, key: against });
      assert.ok(Math.abs(two.score - (result.score - other.score)) <= 1e-5 * Math.max(1, Math.abs(two.score)));
      const capped = ({ score, softcap }: WeightResult): number =>
        softcap === undefined ? score : softcap * Math.tanh(score / softcap);
      const expected = Math.log(two.weight / (two.againstWeight ?? Number.NaN));
      assert.ok(Math.abs(capped(result) - capped(other) - expected) <= 1e-4, `not ${expected}`);
    });
  });
}

describe('attention attribution of a planted circuit', function () {
  this.timeout(60_000);
  const cases = new Cases();
  let planted: Case;
  let result: WeightResult;
  before(async () => {
    planted = (await cases.all())[0] ?? assert.fail();
    result = await resultOf(planted.model, {}, [], planted.ids);
  });
  after(() => cases.close());

  it('finds the weight that the induction head gives by itself, and its reason', () => {
    const last = planted.ids.length - 1;
    // The token of the query stood at 20 before, so that the key is the one at 21.
    assert.deepEqual([result.layer, result.head, result.query, result.key], [1, 0, last, 21]);
    assert.ok(result.weight > 0.9);
    const [pair] = result.largest;
    assert.deepEqual(result.parts[pair?.query ?? -1], { kind: 'token' });
    assert.deepEqual(result.parts[pair?.key ?? -1], { kind: 'head', layer: 0, head: 0 });
    assert.ok((pair?.value ?? 0) > 0.9 * result.score, `${pair?.value} of ${result.score}`);
    const share = (name: string): number => result.groupKey[result.groups.indexOf(name)] ?? Number.NaN;
    assert.ok(Math.abs(share('position embedding')) < 0.1 * result.score && share('L0 MLP') === 0);
    assert.match(
      analysis.finding(result),
      /^L1H0 at 40 .* gives the key at 21 .* token embedding in the query with L0H0 in the key\./,
    );
  });

  it('says which part an intervention has put in place, and keeps the sum', async () => {
    const source = { from: 'prompt', prompt: [...planted.ids].reverse() } as const;
    const replacements: readonly Intervention[] = [
      { kind: 'residual', layer: 0, source },
      { kind: 'key', layer: 1, head: 0, source },
      { kind: 'query', layer: 1, head: 0, source },
    ];
    for (const one of replacements) {
      const target = one.kind;
      const changed = await resultOf(planted.model, { layer: 1, head: 0, key: 21 }, [one], planted.ids);
      assert.ok(changed.check.error <= 1e-5, target);
      const put = changed.parts.findIndex(({ kind }) => kind === 'replaced');
      assert.ok(put >= 0, target);
      const side = target === 'query' ? changed.byQuery : changed.byKey;
      assert.ok(Math.abs((side[put] ?? 0) - changed.score) <= 0.05 * Math.max(1, Math.abs(changed.score)), target);
    }
  });

  it('credits no part of the model with a vector that is added, and keeps the sum', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-added-'));
    const path = join(folder, 'vector.json');
    const width = planted.model.spec.hiddenSize;
    writeFileSync(path, JSON.stringify({ 'direction.0': Array.from({ length: width }, (_, i) => Math.cos(i)) }));
    const one: Intervention = { kind: 'add', layers: [0], source: { from: 'file', path }, strength: 2 };
    const changed = await resultOf(planted.model, { layer: 1, head: 0, key: 21 }, [one], planted.ids);
    rmSync(folder, { recursive: true });
    assert.ok(changed.check.error <= 1e-5, `${changed.check.error}`);
    const added = changed.parts.findIndex(({ kind }) => kind === 'replaced');
    assert.ok(Math.abs(changed.byKey[added] ?? 0) > 1e-3, `${changed.byKey[added]}`);
  });

  it('refuses a key that the query does not read, and places that there are none of', async () => {
    const fails = (parameters: Readonly<Record<string, number>>, why: RegExp) =>
      assert.rejects(
        resultOf(planted.model, parameters, [], planted.ids),
        ({ failure }: { failure: { detail: string } }) => why.test(failure.detail),
      );
    await fails({ query: 3, key: 9 }, /The query at 3 does not read the key at 9, which comes later/);
    await fails({ query: 99 }, /There is no query position 99: there are 41 tokens/);
    const { facts } = runnerOf(planted.model);
    const refusal = analysis.supports(facts, { layer: 7, head: -1, query: -1, key: -1, against: -1 });
    assert.match(refusal.ok ? '' : refusal.why, /There is no layer 7: .* has 2/);
  });

  it('asked for an earlier head, shows its attention', async () => {
    const asked = { input: { kind: 'prompt', prompt: { kind: 'ids', ids: planted.ids } } } as const;
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    const section = await answerFor(planted.model, analysis, asked, result, question);
    assert.ok(section.kind === 'map' && (section.values[21]?.[20] ?? 0) > 0.9);
  });
});
