/** VAR on a planted llama of width 448: its sinks, its gate, what it moves, and what that does to answers. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import type { Redistribution } from '../../../models/instrument/changes/redistribution';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import { visualAttentionSinks as analysis } from '../../../diagnostics/vision/var/analysis';
import type { VarResult } from '../../../diagnostics/vision/var/result';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openTiny, promptIds } from '../../support/checkpoints/open-tiny';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { plantedSinks, wideLlava, writePlantedSinks } from '../../support/checkpoints/planted-sinks';
import {
  plantedPlaces,
  plantedVar,
  plantedVarCheckpoint,
  plantedVarPrompt,
  varHeads,
  varTokens,
  varWords,
  visual,
} from '../../support/checkpoints/planted-var';
import { runnerOf } from '../../support/model-jobs';
import { answerFor, resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what = '', tolerance = 1e-5): void =>
  assert.ok(Math.abs(Number(found) - expected) < tolerance, `${what}: ${found}, not ${expected}`);

const { layer, dimension } = plantedVar;
const { A, B, C, L } = varHeads;
const [twice, n] = [plantedVarPrompt(1, 2), plantedVarPrompt(1, 2).length];
const input = { kind: 'prompt', prompt: { kind: 'ids', ids: twice } } as const;
const { image, span, behind } = plantedPlaces;

describe('visual attention sinks of a planted model', () => {
  let planted: OpenPlanted;
  let model: ModelRunner;
  before(async () => {
    planted = await openPlanted(plantedVarCheckpoint());
    model = runnerOf(planted.model);
  });
  after(() => planted.close());

  const resultOf = (more: ParameterValues = {}): Promise<VarResult> =>
    resultFor(planted.model, analysis, { input, parameters: { span, draws: 2, tokens: 0, ...more } });
  const doing = async (text: string): Promise<Variant> => {
    const read = parseDo(text);
    assert.ok(read.ok, read.ok ? '' : read.why);
    return (await model.variant([read.value], await model.prompt(input.prompt))).variant;
  };
  /** VAR by the intervention: dimensions are found by itself. */
  const moving = (share: number, options = ';least=0.2;ratio=0.5') =>
    doing(`redistribute:${layer}.*:states>${span}=${share};tau=20;rows=after;region=${span}${options}`);
  const changed = (variant: Variant, by: Partial<Redistribution>): Variant =>
    changesOf(variant, 'redistribution').map((one) => ({ ...one, ...by }));
  const run = async (variant: Variant) => {
    const taps = [{ layer, tap: 'attention.probabilities' as const }];
    const { layers, logits } = await model.run({ ids: twice, variants: [variant], taps, logits: 'all' });
    const p = layers[layer]?.taps['attention.probabilities']?.data;
    assert.ok(p instanceof Float32Array && logits?.data instanceof Float32Array);
    return {
      p,
      logits: logits.data,
      row: (head: number, query: number) => [...p.subarray((head * n + query) * n, (head * n + query + 1) * n)],
    };
  };

  it('finds the massive dimension, the sinks in picture and text, and the head that looks beside them', async () => {
    const result = await resultOf({ ratio: 0.8 });
    assert.deepEqual([result.tau, result.scaled, result.layers], [20, false, [2]]);
    assert.deepEqual(result.dimensions, [dimension]);
    near(result.profile[dimension], 0.97 * Math.sqrt(448), 'phi of the first token', 1e-3);
    // Distractors are massive where they leave layer 2, and so enter layer 3.
    assert.deepEqual(result.sinks, [
      [0, 6],
      [0, 6],
      [0, 6],
      [0, 1, 5, 6, 7],
    ]);
    assert.deepEqual(
      result.textSinks.map(({ position, layers }) => [position, layers]),
      [[0, [0, 1, 2, 3]]],
    );
    // Head A has weights of 5 on the first token, 0.5 on each of two sinks and 2 on each of two objects, 10 in all; and so on.
    near(result.imageMass[layer]?.[A], 0.5);
    near(result.besideSinks[layer]?.[A], 0.8);
    near(result.imageMass[layer]?.[B], 0.5);
    near(result.besideSinks[layer]?.[B], 0);
    near(result.imageMass[layer]?.[C], 0.1);
    near(result.imageMass[layer]?.[L], 0.05);
    near(result.onText[layer]?.[L], (14 / 15 + 14 / 20) / 2);
    const { centric } = result;
    // The share of non-sinks is exactly 0.8: rounding decides, so that the limit is asked beside it.
    assert.deepEqual((await resultOf({ ratio: 0.79 })).centric[layer], [1, 0, 0, 0]);
    assert.deepEqual((await resultOf({ ratio: 0.81 })).centric[layer], [0, 0, 0, 0]);
    assert.deepEqual(centric[layer]?.slice(1), [0, 0, 0]);
    // Sinks hold no value; two objects 4 with 0.2 of A each, three distractors 8 with 0.05 and 1/15 of L; 4 heads, 6 keys.
    near(result.contribution.sinks[layer], 0);
    near(result.contribution.others[layer], (2 * 0.2 * visual + (8 * (0.05 + 1 / 15)) / 2) / 24, 'contribution');
    assert.match(
      analysis.finding(result),
      /^2 tokens of 8 of the span are sinks in a layer of 2, massive in dimension 7/,
    );
  });

  it('masks sinks, and as many others, in the rows behind the picture alone', async () => {
    const { masked = [], maskedRandom } = await resultOf();
    const last = ({ logits }: { logits: Float32Array }): number[] => {
      const powers = [...logits.slice(-17)].map(Math.exp);
      return powers.map((power) => power / powers.reduce((sum, each) => sum + each));
    };
    const change = async (keys: string): Promise<number> => {
      const [p, q] = [last(await run([])), last(await run(await doing(`isolate:${layer}.*:9-10/${keys}=10000`)))];
      return p.reduce((sum, each, at) => sum + each * Math.log(each / q[at]!), 0);
    };
    near(masked.find(({ name }) => name === 'sinks')?.divergence, await change('1,7'), 'sinks', 1e-6);
    near(masked.find(({ name }) => name === 'all')?.divergence, await change('1-8'), 'all', 1e-6);
    assert.ok(maskedRandom && maskedRandom.low >= 0 && maskedRandom.draws === 2);
    assert.deepEqual(
      masked.map(({ name, tokens }) => [name, tokens]),
      [
        ['sinks', 2],
        ['random 1', 2],
        ['random 2', 2],
        ['all', 8],
      ],
    );
  });

  it('moves what it says: rows sum to 1, sinks lose, other tokens of the picture gain by one factor', async () => {
    const plain = await run([]);
    for (const share of [0.6, 1]) {
      const moved = await run(await moving(share));
      for (let head = 0; head < 4; head++) {
        for (let query = 0; query < n; query++) {
          const [before, row] = [plain.row(head, query), moved.row(head, query)];
          near(
            row.reduce((sum, value) => sum + value, 0),
            1,
            'row',
            1e-6,
          );
          assert.ok(row.every((value, key) => value >= 0 && (key <= query || value === 0)));
          // Heads that are not image-centric, and rows before the end of the picture, to the bit.
          if (head !== A || query < behind) assert.deepEqual(row, before, `head ${head}, row ${query}`);
        }
      }
      for (const query of [9, 10]) {
        const [before, row] = [plain.row(A, query), moved.row(A, query)];
        for (const sink of [0, 1, 7]) {
          if (share === 1) assert.equal(row[sink], 0);
          else near(row[sink], 0.4 * before[sink]!, 'sink', 1e-6);
        }
        // 0.6 on sinks, 0.4 on the others.
        const factor = 1 + (share * 0.6) / 0.4;
        for (const key of image) {
          if (![1, 7].includes(key)) near(row[key], factor * before[key]!, `key ${key}`, 1e-6);
        }
        for (let key = behind; key < n; key++) assert.equal(row[key], before[key]);
      }
    }
  });

  it('with nothing moved, a rho above 1 or no sinks gives the bits of the plain model', async () => {
    const plain = await run([]);
    const usual = await moving(0.6);
    const from = (tau: number) => ({ kind: 'states', tau, dimensions: [dimension] }) as const;
    for (const by of [{ share: 0 }, { ratio: 1.5 }, { from: from(Infinity) }] satisfies Partial<Redistribution>[]) {
      const { p, logits } = await run(changed(usual, by));
      assert.deepEqual(p, plain.p);
      assert.deepEqual(logits, plain.logits);
    }
    assert.notDeepEqual((await run(usual)).logits, plain.logits);
  });

  it('keeps its sinks while tokens are generated: a massive token of the text is none', async () => {
    const keys = [0, 1, 3, n].map((row) => ({ name: String(row), positions: [row] }));
    const massOf = async (variant: Variant): Promise<readonly number[]> => {
      const going = await model.continuation({
        sequence: { ids: twice, groups: keys },
        variant,
        observe: true,
        further: 2,
      });
      const { observations } = await going.extend([varTokens.sink, varTokens.cue], { observe: true });
      return [...(observations[1]?.mass[layer] ?? [])].slice(A * keys.length, (A + 1) * keys.length);
    };
    const [before, after] = [await massOf([]), await massOf(await moving(0.6))];
    // 5 on the first token, 2 on each object, 0.5 on each of three sinks, of which one was generated.
    [5, 0.5, 2, 0.5].forEach((weight, at) => near(before[at], weight / 10.5, `before ${at}`));
    near(after[0], (0.4 * 5) / 10.5, 'first token');
    near(after[1], (0.4 * 0.5) / 10.5, 'sink');
    near(after[2], ((2 / 10.5) * (4 + 0.6 * 6)) / 4, 'object');
    near(after[3], 0.5 / 10.5, 'the generated token');
  });

  it('answers better by the heads it chooses; moved in all heads, the language head says a wrong word', async () => {
    const variants = [[], await moving(0.6), await moving(0.6, '')];
    const right = [0, 0, 0];
    for (const [object, word] of varWords.objects.entries()) {
      for (const count of [1, 2, 3]) {
        const { logits } = await model.run({ ids: plantedVarPrompt(object, count), variants, logits: 'last' });
        const data = logits?.data as Float32Array;
        variants.forEach((_, at) => {
          const row = [...data.subarray(at * 17, (at + 1) * 17)];
          const said = row.indexOf(Math.max(...row));
          assert.ok(said === word || said === varWords.usual || said === varWords.wrong);
          if (said === word) right[at] = (right[at] ?? 0) + 1;
        });
      }
    }
    // Plain, A says the object with 0.25, 0.4 or 0.5 of its attention, against 0.45 of the usual word.
    assert.deepEqual(right, [4, 12, 0]);
  });

  it('writes texts without and with it, token by token over the span, and offers it', async () => {
    const result = await resultOf({ tokens: 2 });
    const [first] = result.words ?? [];
    assert.deepEqual([first?.id, first?.changes, first?.instead], [varWords.usual, true, `#${varWords.objects[1]}`]);
    // Mean over the heads A, B, C and L: object tokens 0.2 of A and 0.05 of C.
    near(first?.before[2], (0.2 + 0.05) / 4, 'before');
    near(first?.moved[2], (0.38 + 0.05) / 4, 'after');
    near(first?.seenAfter, (0.5 + 0.36 - 0.06 + 0.5 + 0.1 + 0.05) / 4, 'seen');
    assert.deepEqual(
      result.texts?.map(({ name }) => name),
      ['plain', 'redistributed', 'sinks masked'],
    );
    const [offer] = analysis.offers?.(result) ?? [];
    assert.ok(offer);
    const { variant } = await model.variant(offer.interventions, await model.prompt(input.prompt));
    assert.deepEqual((await run(variant)).logits, (await run(await moving(0.6))).logits);
    const asked = { input, parameters: { span, draws: 2, tokens: 2 } };
    const place = { kind: 'head', layer, head: A } as const;
    const section = await answerFor(planted.model, analysis, asked, result, { section: 'heads', place });
    assert.ok(section.kind === 'tokens');
    near(section.numbers[1]?.values[2], 0.38, 'head A, after');
  });

  it('refuses in a sentence what cannot be', async () => {
    await assert.rejects(resultOf({ tau: 22 }), /can be more than 21\.2 times/);
    await assert.rejects(resultOf({ layers: '4' }), /no layer 4: its layers are 0 to 3/);
    await assert.rejects(resultOf({ dimensions: '448' }), /names no dimensions/);
    await assert.rejects(resultOf({ span: '8-10' }), /ends with the span/);
  });
});

describe('visual attention sinks of a narrow model', () => {
  it('are those of a smaller tau, which the finding says', async () => {
    const tiny = await openTiny('llama');
    const parameters = { layers: '0,1', tokens: 0, draws: 1 };
    const narrow = { kind: 'prompt', prompt: { kind: 'ids', ids: promptIds } } as const;
    const result = await resultFor(tiny.model, analysis, { input: narrow, parameters });
    // 20/64 of the root of 32.
    near(result.tau, 1.7678, 'tau', 1e-4);
    assert.match(
      analysis.finding(result),
      /tau of 20 needs a hidden state of more than 400 numbers and this one has 32: here tau is 1\.77, which is not the published rule\.$/,
    );
    await tiny.close();
  });
});

describe('visual attention sinks of a picture', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-var-'));
  let model: LoadedModel;
  after(async () => {
    await model.sessions.release();
    await model.vision?.sessions.release();
    rmSync(folder, { recursive: true });
  });

  it('are the planted patch, drawn over the picture', async () => {
    const tiny = wideLlava();
    const path = writePlantedSinks(folder, tiny, true);
    model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    const ids = [plantedSinks.bos, 7, tiny.imageToken, 9, 22, 41];
    const result = await resultFor(model, analysis, {
      input: { kind: 'prompt', prompt: { kind: 'ids', ids, image: path } },
      parameters: { tokens: 2, draws: 1, ratio: 0 },
    });
    assert.deepEqual(
      [result.dimensions, result.sinks.slice(2)],
      [[plantedSinks.dimension], [[plantedSinks.patch], [plantedSinks.patch]]],
    );
    assert.equal(result.seen.length, 9);
    const drawn = analysis.sections(result).filter(({ kind }) => kind === 'image');
    assert.deepEqual(
      drawn.map(({ id }) => id),
      ['phi', 'attention', 'map-before', 'map-after'],
    );
    assert.match(analysis.finding(result), /^1 token of 9 of the picture is a sink/);
  });
});
