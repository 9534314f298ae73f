/** Captured tensors: what is read of them, their numbers by hand, and what is wrong with others as sentences. */
import {
  Field,
  FixedSizeList,
  Float64,
  Int64,
  List,
  Schema,
  Table,
  tableToIPC,
  vectorFromArray,
  type DataType,
  type Vector,
} from 'apache-arrow';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CapturedRunner, capturedSummary } from '../../../compute-server/captures/captured-runner';
import { capturedAnalysis, capturedAnswer, capturedEstimate } from '../../../compute-server/analyses/captured-analysis';
import { readCapture, type Capture } from '../../../compute-server/captures/read-capture';
import { captureFindings } from '../../../language-server/service/captures';
import type { HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { npyBytes, npzBytes, zipBytes, type NpyArray } from '../../support/npz-file';
import { resultOf, surroundingsOf } from '../../support/model-jobs';
import { safetensorsBytes, type StoredType } from '../../support/safetensors-file';
import { analyses } from '../../../diagnostics/catalogue';

const tokens = ['a', 'b', 'c', 'a', 'b'];
const n = tokens.length;

type Rows = readonly (readonly number[])[];
const previous: Rows = [[1], [1, 0], [0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1, 0]];
const even: Rows = [
  [1],
  [1 / 2, 1 / 2],
  [1 / 3, 1 / 3, 1 / 3],
  [1 / 4, 1 / 4, 1 / 4, 1 / 4],
  [1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5],
];
const sink: Rows = [[1], [1], [1], [1], [1]];
/** Tokens 3 and 4 occurred at 0 and 1, and what followed stands at 1 and 2. */
const induction: Rows = [[1], [0, 1], [0, 0, 1], [0, 1], [0, 0, 1]];
const flat = (rows: Rows): number[] => rows.flatMap((row) => Array.from({ length: n }, (_, key) => row[key] ?? 0));
const square = (rows: Rows): number[][] => rows.map((row) => Array.from({ length: n }, (_, key) => row[key] ?? 0));
/** Lists in lists, so many. */
const listsOf = (depth: number, type: DataType): DataType =>
  depth === 0 ? type : new List(new Field('item', listsOf(depth - 1, type)));
/** [2 layers, 1, 2 heads, 5, 5] */
const all = [previous, even, sink, induction].flatMap(flat);
const shape = [2, 1, 2, n, n];

const description = {
  kind: 'headscope-capture',
  version: 1,
  model: 'toy',
  file: 'toy.npz',
  tokens,
  causal: true,
  tensors: [{ name: 'attn', holds: 'attention', layout: ['layers', 'batch', 'heads', 'queries', 'keys'] }],
};

describe('captured tensors', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-capture-'))));
  after(() => rmSync(folder, { recursive: true }));

  const path = (): string => join(folder, 'toy.headscope-capture.json');
  const put = (data: Buffer, changes: object = {}): void => {
    const whole = { ...description, ...changes };
    writeFileSync(path(), JSON.stringify(whole));
    writeFileSync(join(folder, whole.file), data);
  };
  const opened = (data: Buffer, changes: object = {}): Promise<Capture> => {
    put(data, changes);
    return readCapture(path(), 1e9);
  };
  const arrays = (array: Partial<NpyArray> = {}): Buffer => npzBytes({ attn: { shape, data: all, ...array } });
  const refused = async (act: () => Promise<unknown>, words: RegExp): Promise<void> => {
    await assert.rejects(act, (error) => {
      assert.ok(error instanceof FailureError, String(error));
      const sentence = sentenceOf(error.failure);
      assert.match(sentence, words);
      assert.match(sentence, /[.!?"]$/u);
      return true;
    });
  };
  const runOf = (capture: Capture, id: string) => {
    const analysis = analyses.find((one) => one.id === id);
    assert.ok(analysis, id);
    return { capture, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal };
  };
  const requestOf = (id: string, parameters: object = {}) => ({
    analysis: id,
    folder: path(),
    input: { kind: 'prompt' as const, prompt: { kind: 'text' as const, text: '' } },
    parameters: { ...parameters },
    interventions: [],
    seed: 0,
  });
  const measured = (capture: Capture, id: string, parameters: object = {}) =>
    resultOf(capturedAnalysis(runOf(capture, id), requestOf(id, parameters)));

  it('have the statistics that are computed by hand', async () => {
    const capture = await opened(arrays());
    assert.deepEqual(
      capture.maps.maps.flat().map((map) => [...map]),
      [previous, even, sink, induction].map((rows) => [...Float32Array.from(flat(rows))]),
    );
    const { result, model, prompts, parity } = await measured(capture, 'heads');
    const { statistics, topKeys, thumbnails, classes } = result as HeadsMeasured;
    const close = (found: readonly (readonly number[])[], expected: Rows): void =>
      found.forEach((heads, layer) =>
        heads.forEach((value, head) => {
          const wanted = expected[layer]?.[head] ?? Number.NaN;
          assert.ok(Math.abs(value - wanted) < 1e-6, `L${layer}H${head} is ${value}, not ${wanted}`);
        }),
      );
    const harmonic = 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5;
    // Entropies of the even rows: ln 1 to ln 5, whose sum is ln 120.
    close(statistics.entropy, [
      [0, Math.log(120) / 5],
      [0, 0],
    ]);
    // Distances: 0 + 1 + 1 + 1 + 1; of even rows 0, 1/2, 1, 3/2, 2; of the first key 0 to 4; of induction 0, 0, 0, 2, 2.
    close(statistics.meanDistance, [
      [4 / 5, 5 / 5],
      [10 / 5, 4 / 5],
    ]);
    close(statistics.previousToken, [
      [1, harmonic / 4],
      [1 / 4, 0],
    ]);
    close(statistics.firstToken, [
      [1 / 4, harmonic / 4],
      [1, 0],
    ]);
    close(statistics.selfToken, [
      [1 / 5, (1 + harmonic) / 5],
      [1 / 5, 3 / 5],
    ]);
    close(statistics.localWindow, [
      [1, 1],
      [1, 1],
    ]);
    close(statistics.induction, [
      [0, (1 / 4 + 1 / 5) / 2],
      [0, 1],
    ]);
    close(statistics.duplicateToken, [
      [0, (1 / 4 + 1 / 5) / 2],
      [1 / 2, 0],
    ]);
    assert.deepEqual(topKeys?.[0]?.[0], [{ key: 3, weight: 1 }]);
    assert.deepEqual(topKeys[1]?.[1], [{ key: 2, weight: 1 }]);
    assert.deepEqual(
      topKeys[0]?.[1]?.map(({ key }) => key),
      [0, 1, 2, 3],
    );
    assert.equal(thumbnails?.layers, 2);
    // What random texts would have to show is not labelled.
    assert.ok(classes.every(({ label }) => !['induction', 'duplicate-token', 'retrieval'].includes(label)));
    assert.deepEqual([model.name, model.captured, prompts[0]?.tokens, parity], ['toy', true, tokens, undefined]);
  });

  it('are read in either compression, in float16 and float64, and from safetensors', async () => {
    const rounded = (of: (value: number) => number) => Float32Array.from(all, of);
    const expect = ({ maps }: Capture, most: number): void =>
      maps.maps
        .flat()
        .forEach((map, at) =>
          map.forEach((p, cell) =>
            assert.ok(Math.abs(p - (all[at * n * n + cell] ?? 9)) <= most, `${p} in cell ${cell} of map ${at}`),
          ),
        );
    expect(await opened(npzBytes({ attn: { shape, data: all } }, true)), 1e-7);
    expect(await opened(arrays({ descr: '<f8' })), 1e-7);
    expect(await opened(arrays({ descr: '<f2' })), 2 ** -12);
    for (const type of ['F32', 'F16', 'BF16'] as readonly StoredType[]) {
      const bytes = safetensorsBytes(new Map([['attn', { shape, data: rounded(Number) }]]), type);
      expect(
        await opened(bytes, { file: 'toy.safetensors' }),
        type === 'F32' ? 1e-7 : type === 'F16' ? 2 ** -12 : 2 ** -9,
      );
    }
    // A tensor for each layer, keys before queries.
    const turned = (rows: Rows): number[] =>
      Array.from({ length: n * n }, (_, at) => rows[at % n]?.[Math.floor(at / n)] ?? 0);
    const each = npzBytes({
      'blocks.0.pattern': { shape: [2, n, n], data: [...turned(previous), ...turned(even)] },
      'blocks.1.pattern': { shape: [2, n, n], data: [...turned(sink), ...turned(induction)] },
    });
    const layout = ['heads', 'keys', 'queries'];
    expect(await opened(each, { tensors: [{ name: 'blocks.{layer}.pattern', holds: 'attention', layout }] }), 1e-7);
  });

  it('make maps of queries and keys, which several heads may share', async () => {
    // Two heads of width 1 and one key head. Scores are scale q k: of keys 0, ln 2, ln 3 with q = 1 the shares 1 : 2 : 3, with q = 2 their squares.
    const keys = [0, Math.log(2), Math.log(3)];
    const file = npzBytes({
      q: { shape: [1, 3, 2, 1], data: [1, 2, 1, 2, 1, 2], descr: '<f8' },
      k: { shape: [1, 3, 1, 1], data: keys, descr: '<f8' },
    });
    const layout = ['batch', 'tokens', 'heads', 'width'];
    const changes = {
      tokens: ['x', 'y', 'z'],
      scale: 1,
      tensors: [
        { name: 'q', holds: 'query', layer: 0, layout },
        { name: 'k', holds: 'key', layer: 0, layout },
      ],
    };
    const { maps } = await opened(file, changes);
    assert.deepEqual(maps.layers, [{ heads: 2, kvHeads: 1, headDim: 1 }]);
    const expected = [
      [1, 0, 0, 1 / 3, 2 / 3, 0, 1 / 6, 2 / 6, 3 / 6],
      [1, 0, 0, 1 / 5, 4 / 5, 0, 1 / 14, 4 / 14, 9 / 14],
    ];
    maps.maps[0]?.forEach((map, head) =>
      map.forEach((p, at) => assert.ok(Math.abs(p - (expected[head]?.[at] ?? 9)) < 1e-7, `head ${head}, ${at}: ${p}`)),
    );
    const windowed = await opened(file, { ...changes, window: 1 });
    assert.deepEqual([...(windowed.maps.maps[0]?.[0] ?? [])], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    await refused(
      () => opened(file, { ...changes, tensors: changes.tensors.slice(0, 1) }),
      /Add a tensor that holds attention, or both query and key/u,
    );
    const three = npzBytes({
      q: { shape: [1, 3, 2, 1], data: [1, 2, 1, 2, 1, 2] },
      k: { shape: [1, 3, 3, 1], data: Array(9).fill(1) as number[] },
    });
    await refused(() => opened(three, changes), /2 query heads cannot share 3 key heads evenly/u);
    const wide = npzBytes({
      q: { shape: [1, 3, 2, 1], data: [1, 2, 1, 2, 1, 2] },
      k: { shape: [1, 3, 1, 2], data: Array(6).fill(1) as number[] },
    });
    await refused(() => opened(wide, changes), /a query has 1 numbers and a key 2/u);
  });

  it('leave out masked tokens, which nobody may read', async () => {
    // One token of padding before two others: its row is nothing, or anything.
    const data = [0, 0, 0, 0, 1, 0, 0, 0.25, 0.75];
    const file = npzBytes({ attn: { shape: [1, 1, 1, 3, 3], data } });
    const changes = { tokens: ['<pad>', 'x', 'y'] };
    await refused(
      () => opened(file, changes),
      /query 0: its probabilities sum to 0, not 1\. If the token is padding, list its position in "masked"/u,
    );
    const capture = await opened(file, { ...changes, masked: [0] });
    assert.deepEqual([...(capture.maps.maps[0]?.[0] ?? [])], [1, 0, 0.25, 0.75]);
    assert.deepEqual(capturedSummary(capture).notes, ['1 masked token is left out.']);
    const read = npzBytes({ attn: { shape: [1, 1, 1, 3, 3], data: [0, 0, 0, 0.5, 0.5, 0, 0, 0.25, 0.75] } });
    await refused(() => opened(read, { ...changes, masked: [0] }), /gives 0\.5 to masked tokens/u);
  });

  it('answer those analyses that read maps alone, and refuse the others', async () => {
    const capture = await opened(arrays());
    for (const id of analyses.filter(({ readsMaps }) => readsMaps).map((one) => one.id)) {
      const result = await measured(capture, id, id === 'head-redundancy' ? { effects: false } : {});
      assert.ok(result.sections.length > 0, id);
    }
    const { result } = await measured(capture, 'head-redundancy', { effects: false });
    // Cosines of the two maps of layer 1: they share the 1 of row 0; lengths are the roots of 5.
    const { similarity } = result as { readonly similarity: readonly Rows[] };
    assert.ok(Math.abs((similarity[1]?.[0]?.[1] ?? 9) - 1 / 5) < 1e-6);
    await refused(() => measured(capture, 'head-redundancy'), /Switch "Measure effects" off \(effects=false\)/u);
    await refused(
      () => measured(capture, 'ablation'),
      /Ablation of heads and MLPs runs the model, and toy is captured attention\. Open the model itself/u,
    );
    await refused(
      () => measured(capture, 'heads', { causal: true }),
      /The causal check removes heads and runs the model/u,
    );
    const asked = { ...requestOf('heads'), interventions: [{ kind: 'gain' as const, layer: 0, head: 0, gain: 0 }] };
    await refused(
      () => resultOf(capturedAnalysis(runOf(capture, 'heads'), asked)),
      /interventions change a run\. Leave them out/u,
    );
    const other = {
      ...requestOf('heads'),
      input: { kind: 'prompt' as const, prompt: { kind: 'text' as const, text: 'else' } },
    };
    await refused(
      () => resultOf(capturedAnalysis(runOf(capture, 'heads'), other)),
      /other text is given\. Leave the prompt out/u,
    );
    const heads = await measured(capture, 'heads');
    const map = await capturedAnswer(runOf(capture, 'heads'), heads, {
      section: 'heads',
      place: { kind: 'head', layer: 1, head: 1 },
    });
    assert.ok(map.kind === 'map');
    assert.deepEqual(
      map.values,
      Array.from({ length: n }, (_, row) => flat(induction).slice(row * n, (row + 1) * n)),
    );
    assert.deepEqual(await capturedEstimate(runOf(capture, 'heads'), requestOf('heads')), {
      supported: true,
      passes: 0,
      bytes: 0,
    });
    const { supported } = await capturedEstimate(runOf(capture, 'ablation'), requestOf('ablation'));
    assert.match(String(supported), /runs the model, and toy is captured attention/u);
    const runner = new CapturedRunner(capture, new AbortController().signal);
    for (const name of ['weights', 'direct', 'trainer', 'checkpoint'] as const)
      assert.throws(() => runner[name], FailureError);
  });

  it('say what does not fit the description', async () => {
    const changed = (change: (rows: number[]) => void, changes: object = {}): (() => Promise<Capture>) => {
      const data = [...all];
      change(data);
      return () => opened(arrays({ data }), changes);
    };
    await refused(
      changed((data) => (data[30] = Number.NaN)),
      /"attn", layer 0, head 1, query 1: it gives key 0 NaN/u,
    );
    await refused(
      changed((data) => (data[0] = 0.9)),
      /head 0, query 0: its probabilities sum to 0\.9, not 1/u,
    );
    await refused(
      changed((data) => ([data[0], data[1]] = [0.5, 0.5])),
      /gives 0\.5 to later tokens\. Set "causal" to false/u,
    );
    await refused(
      changed((data) => ([data[0], data[1]] = [2, -1])),
      /gives key 1 -1\. Probabilities are wanted/u,
    );
    // A word that stands there already is no correction.
    await refused(
      () => opened(arrays(), { window: 2, causal: false }),
      /to tokens outside its window\. Correct "window", or check the layout/u,
    );
    await refused(
      () => opened(arrays(), { tokens: ['a'] }),
      /has 5 queries, and the description lists 1 tokens\. List every token/u,
    );
    await refused(() => opened(arrays(), { batch: 1 }), /has a batch of 1, and element 1 is asked for/u);
    const named = (name: string, layout = description.tensors[0]!.layout) => ({
      tensors: [{ name, holds: 'attention', layout }],
    });
    await refused(() => opened(arrays(), named('other')), /has no tensor "other"\. It has "attn"\. Correct the name/u);
    await refused(
      () => opened(arrays(), named('a.{layer}', ['heads', 'queries', 'keys'])),
      /has no tensor "a\.\{layer\}"/u,
    );
    await refused(
      () => opened(arrays(), named('attn', ['layers', 'heads', 'queries', 'keys'])),
      /has 5 axes, \[2, 1, 2, 5, 5\], and its layout names 4/u,
    );
    await refused(() => opened(arrays(), { kind: 'other' }), /describes no captured tensors/u);
    const cached = npzBytes({ attn: { shape: [2, 1, 2, 1, n], data: all.slice(0, 20) } });
    await refused(() => opened(cached), /a cached step has the last query alone/u);
    const hidden = { name: 'h', holds: 'hidden', layout: ['layers', 'tokens', 'width'] };
    const spoiled = npzBytes({ attn: { shape, data: all }, h: { shape: [1, n, 1], data: [1, 2, Infinity, 4, 5] } });
    await refused(
      () => opened(spoiled, { tensors: [...description.tensors, hidden] }),
      /"h" holds Infinity, number 2 of it/u,
    );
  });

  it('are read from columns of Arrow: nested lists, and tensors of fixed shape', async () => {
    const expected = [previous, even, sink, induction].map((rows) => [...Float32Array.from(flat(rows))]);
    const file = 'toy.arrow';
    const mapsOf = async (bytes: Uint8Array, changes: object = {}) =>
      (await opened(Buffer.from(bytes), { file, ...changes })).maps.maps.flat().map((map) => [...map]);
    const rows = [0, 2].map((first) => [
      [previous, even, sink, induction].slice(first, first + 2).map((map) => square(map)),
    ]);
    const nested = listsOf(4, new Float64());
    const arrow = (
      column: Vector,
      about: Record<string, string> = {},
      form: 'file' | 'stream' = 'file',
    ): Uint8Array => {
      const field = new Field('attn', column.type, true, new Map(Object.entries(about)));
      return tableToIPC(new Table(new Schema([field]), { attn: column }), form);
    };
    assert.deepEqual(await mapsOf(arrow(vectorFromArray(rows, nested))), expected);
    assert.deepEqual(
      await mapsOf(arrow(vectorFromArray(rows, nested), {}, 'stream'), { file: 'toy.feather' }),
      expected,
    );

    const flatRows = [all.slice(0, 2 * n * n), all.slice(2 * n * n)];
    const flatType = new FixedSizeList(2 * n * n, new Field('item', new Float64()));
    const shaped = {
      'ARROW:extension:name': 'arrow.fixed_shape_tensor',
      'ARROW:extension:metadata': JSON.stringify({ shape: [1, 2, n, n] }),
    };
    const flatColumn = (): Vector => vectorFromArray(flatRows, flatType);
    assert.deepEqual(await mapsOf(arrow(flatColumn(), shaped)), expected);

    const turned = {
      ...shaped,
      'ARROW:extension:metadata': JSON.stringify({ shape: [1, 2, n, n], permutation: [1, 0, 2, 3] }),
    };
    const other = { ...shaped, 'ARROW:extension:metadata': JSON.stringify({ shape: [1, 3, n, n] }) };
    const ragged = vectorFromArray([rows[0], [rows[1]![0]!.map((map) => map.slice(1))]], nested);
    const bytes = arrow(flatColumn(), shaped);
    for (const [broken, words] of [
      [arrow(flatColumn(), turned), /axes in another order than in memory/u],
      [arrow(flatColumn(), other), /a shape that does not fit its lists/u],
      [arrow(ragged), /lists that are not as long as each other/u],
      [arrow(vectorFromArray([[[[[1]]]], null], nested)), /has no value in some rows/u],
      [arrow(vectorFromArray([[1n]], new List(new Field('item', new Int64())))), /holds Int64\. Write float64/u],
      [arrow(vectorFromArray([], nested)), /is empty/u],
      [bytes.slice(0, bytes.length / 2), /no Arrow file, or it is damaged/u],
      [Buffer.from('ARROW1'), /no Arrow file, or it is damaged/u],
    ] as const) {
      await refused(() => opened(Buffer.from(broken), { file }), words);
    }
  });

  it('refuse what is no such file, or is larger than the memory limit', async () => {
    put(arrays(), { file: 'toy.pt' });
    await refused(() => readCapture(path(), 1e9), /toy\.pt is a pickle, which can run code.*save_file/u);
    put(arrays(), { file: 'toy.h5' });
    await refused(
      () => readCapture(path(), 1e9),
      /neither \.safetensors, \.npz nor \.arrow\. Save safetensors: from safetensors/u,
    );
    await refused(
      () => opened(zipBytes([{ name: 'archive/data.pkl', content: Buffer.from('cos\nsystem\n') }])),
      /PyTorch file, a pickle.*not opened/u,
    );
    put(arrays());
    await refused(() => readCapture(path(), 2000), /needs .* and the limit is/iu);
    put(npzBytes({ attn: { shape: [1, 1, 1, 1], data: [1] } }, true));
    rmSync(join(folder, 'toy.npz'));
    await refused(() => readCapture(path(), 1e9), /There is no toy\.npz beside it/u);
    symlinkSync('/etc/hostname', join(folder, 'toy.npz'));
    await refused(() => readCapture(path(), 1e9), /leads out of its folder/u);
    rmSync(join(folder, 'toy.npz'));
    writeFileSync(path(), JSON.stringify({ ...description, file: '../toy.npz' }));
    await refused(() => readCapture(path(), 1e9), /is no file beside this one/u);
  });

  it('are checked in the editor while they are described, each fault in its place', () => {
    const marked = (changes: object): readonly (readonly [string, string])[] => {
      const text = JSON.stringify({ ...description, ...changes });
      return captureFindings(text).map(({ message, span }) => [
        text.slice(span.offset, span.offset + span.length),
        message,
      ]);
    };
    const [tensor] = description.tensors;
    assert.deepEqual(marked({}), []);
    // What has not the form of a description is said by its JSON Schema.
    assert.deepEqual([marked({ causal: 'yes' }), captureFindings('{"kind": '), captureFindings('')], [[], [], []]);
    const one = (changes: object, place: string, words: RegExp): void => {
      const [first, ...more] = marked(changes);
      assert.deepEqual([first?.[0], more], [place, []]);
      assert.match(first?.[1] ?? '', words);
    };
    one({ file: 'a.pt' }, '"a.pt"', /is a pickle/u);
    one({ ids: [1, 2] }, '[1,2]', /There are 2 ids and 5 tokens/u);
    one({ maskd: [4] }, '[4]', /"maskd" is no field of a capture\. Its fields are kind, .*masked/u);
    one({ masked: [0, 7] }, '7', /Position 7 is behind the 5 tokens/u);
    one({ masked: [0, 1, 2, 3, 4] }, '[0,1,2,3,4]', /All tokens are masked/u);
    const layout = (axes: readonly string[]) => ({ tensors: [{ ...tensor, layout: axes }] });
    one(layout(['layers', 'heads', 'queries']), '["layers","heads","queries"]', /The axis "keys" is missing/u);
    one(
      layout(['layers', 'heads', 'queries', 'keys', 'width']),
      '["layers","heads","queries","keys","width"]',
      /"width" does not belong/u,
    );
    one(layout(['heads', 'queries', 'keys']), '"attn"', /The layer is not said\. Use one of/u);
    one({ tensors: [{ ...tensor, layer: 3 }] }, '3', /The layer is said twice/u);
    one(
      { tensors: [{ name: 'v', holds: 'value', layer: 0, layout: ['heads', 'tokens', 'width'] }] },
      '[{"name":"v","holds":"value","layer":0,"layout":["heads","tokens","width"]}]',
      /There is no attention in it/u,
    );
  });

  it('are not taken from archives that are cut off, or lie', async () => {
    const content = npyBytes({ shape, data: all });
    const entry = { name: 'attn.npy', content };
    const lies = (says: object, deflated = false) => zipBytes([{ ...entry, deflated, says }]);
    const whole = zipBytes([entry]);
    for (const end of [0, 10, 100, whole.length - 30, whole.length - 1]) {
      await refused(
        () => opened(whole.subarray(0, end)),
        /toy\.npz cannot be read: it ends too early, or is no \.npz file/u,
      );
    }
    await refused(() => opened(lies({ size: 2 ** 31 }, true)), /its arrays take .* bytes or more/u);
    await refused(() => opened(lies({ size: 10 })), /is said to have 10 bytes, and \d+ are stored/u);
    await refused(() => opened(lies({ stored: 2 ** 29, size: 2 ** 29 })), /its arrays take|ends too early/u);
    await refused(() => opened(lies({ at: 2 ** 30 })), /ends too early/u);
    await refused(() => opened(lies({ size: 100 }, true)), /cannot be decompressed to the 100 bytes/u);
    await refused(() => opened(lies({ crc: 1 })), /is damaged/u);
    await refused(() => opened(lies({ flags: 1 })), /is encrypted/u);
    await refused(() => opened(lies({ method: 12 })), /compressed by method 12/u);
    // A bomb: a thousand times what it takes on the disk, and more than it says.
    const bomb = { name: 'attn.npy', content: Buffer.alloc(2 ** 24), deflated: true };
    await refused(
      () => opened(zipBytes([{ ...bomb, says: { size: 1000 } }])),
      /cannot be decompressed to the 1000 bytes/u,
    );
    put(zipBytes([bomb]));
    await refused(
      () => readCapture(path(), 2 ** 24),
      /its arrays take 16777216 bytes or more, and at most 8388608 are read/u,
    );
    for (const name of ['../attn.npy', '/attn.npy', 'a\\attn.npy']) {
      await refused(() => opened(zipBytes([{ name, content }])), /names a file outside of itself/u);
    }
    await refused(() => opened(zipBytes([entry, entry])), /two arrays called "attn"/u);
    await refused(() => opened(zipBytes([{ name: 'readme.txt', content }])), /"readme\.txt", which is no array/u);
    await refused(
      () => opened(arrays({ fortran: true })),
      /"attn" cannot be read: it is stored column by column\. Save numpy\.ascontiguousarray/u,
    );
    // bfloat16 as numpy has it: bit patterns, whose type says nothing of what they are.
    await refused(() => opened(arrays({ descr: '<u2' })), /it is stored as <u2\. Store it as <f2, <f4 or <f8/u);
  });
});
