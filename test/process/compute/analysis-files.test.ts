import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ComputeClient } from '../../../protocol/compute/client';
import { computeClient } from '../../../compute-server/cli/compute-process';
import { analysisResult, type AnalysisRequest, type AnalysisResult } from '../../../protocol/analysis/schema';
import { parseJson } from '../../../protocol/schema/check';
import { shortDemoLm as demoLm } from '../../support/demo-models';
import { analysisOf, badAnalyses, copyOfBuiltIn } from './support/analysis-texts';
import { bundleKernelProcess } from './support/bundle';
import { buildServer, environment, headscope, serverScript } from './support/server';

interface Ways {
  readonly text: string;
  readonly named: boolean;
  readonly sums: readonly number[];
  readonly far: number;
  readonly apart: number;
  readonly layers: readonly number[];
  readonly length: number;
  readonly rows: number;
}

describe('Analysis files of a workspace', function () {
  this.timeout(240_000);
  let folder: string;
  let client: ComputeClient;
  before(async () => {
    await buildServer();
    await bundleKernelProcess('test-compute');
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-analyses-'));
    client = computeClient(serverScript, environment({ HEADSCOPE_KERNEL_SECONDS: '3' }));
  });
  after(async () => {
    client.dispose();
    await rm(folder, { recursive: true });
  });

  const write = async (name: string, source: string): Promise<string> => {
    const file = path.join(folder, `${name}.headscope-analysis.ts`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, source);
    return file;
  };
  const request = (file: string, more: Partial<AnalysisRequest> = {}): AnalysisRequest => ({
    analysis: 'own',
    file: { file, root: folder },
    folder: demoLm,
    input: { kind: 'prompt', prompt: { kind: 'text', text: 'one two three one two' } },
    parameters: {},
    interventions: [],
    seed: 0,
    ...more,
  });
  const run = async (name: string, source: string): Promise<AnalysisResult> =>
    client.call('analysis', [request(await write(name, source))]);

  it('a copy of a built-in analysis gives its figures, sections and words; the saved result needs no code', async () => {
    const copy = await copyOfBuiltIn(
      'patterns/head-concentration',
      ['layer', 'result', 'sections', 'analysis'],
      'attentionMap, build, cosine, count, countOfKeysRead, entropyOf, field, figure, list, markedRows, mean, object, optional, strongestMass, type Analysis, type Output, type Section',
      'headConcentration',
    );
    const file = await write('mine', copy);
    const words = [demoLm, '--prompt', 'one two three one two', '--param', 'strongest=3'];
    const [own, built] = [path.join(folder, 'own.json'), path.join(folder, 'built.json')];
    const first = await headscope(['run', file, ...words, '--json', own]);
    assert.equal(first.code, 0, first.stderr);
    assert.equal((await headscope(['run', 'head-concentration', ...words, '--json', built])).code, 0);
    await rm(file);
    const [mine, theirs] = await Promise.all(
      [own, built].map(async (each) => {
        const read = parseJson(analysisResult, await readFile(each, 'utf8'));
        assert.ok(read.ok, read.ok ? '' : read.why);
        return read.result;
      }),
    );
    assert.equal(mine!.analysis, 'own:mine');
    assert.match(mine!.file?.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual(mine!.result, theirs!.result);
    assert.deepEqual(mine!.sections, theirs!.sections);
    assert.equal(mine!.finding, theirs!.finding);
    assert.deepEqual(mine!.prompts, theirs!.prompts);
    assert.deepEqual(await client.call('compareAnalyses', [mine!, mine!]), []);
    await assert.rejects(client.call('compareAnalyses', [mine!, theirs!]), /two analyses/);
    await assert.rejects(
      client.call('askAnalysis', [mine!, { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } }]),
      /needs its code/,
    );
  });

  it('reaches the model by every way that is offered, step by step, and gives what the same calls give here', async () => {
    const { result } = await run(
      'ways',
      analysisOf(
        `    const [prompt] = input.prompts;
    const ids = model.encode('one two');
    const text = model.decode(ids);
    const pieces = model.pieces(ids);
    const named = model.named(pieces[0]);
    const kept = await step('run', () => model.run({ ...prompt, variants: [variant], logits: 'last', maps: [{ layer: 0, head: 1 }] }));
    yield { sentence: 'Half', done: 1, total: 2, partial: { value: 0.5 } };
    const map = kept.layers[0].maps.get(1);
    const n = prompt.ids.length;
    const sums = Array.from({ length: n }, (_, row) => map.slice(row * n, row * n + n).reduce((a: number, b: number) => a + b, 0));
    const whole = Array.from(kept.logits.data.slice(0, 3));
    const prefix = await model.prefix(prompt, 2);
    const behind = await model.run({ ...prompt, past: prefix, logits: 'last' });
    const layers = [];
    for await (const layer of model.layers({ ...prompt, logits: 'none' })) layers.push((await layer.stream()).layer);
    const going = await model.continuation({ sequence: prompt, further: 2 });
    const { logits } = await going.extend([ids[0]]);
    const longer = await model.run({ ids: [...prompt.ids, ids[0]], logits: 'last' });
    const apart = Math.max(...Array.from(logits, (x: number, at: number) => Math.abs(x - longer.logits.data[at])));
    const far = Math.max(...Array.from(behind.logits.data, (x: number, at: number) => Math.abs(x - kept.logits.data[at])));
    const { value: rows } = { value: (await model.weights.heads(0)).query.rows };
    return { value: 1, text, named: named === ids[0], sums, whole, far, apart, layers, length: going.length, rows };`,
        '',
        '{ value: figure, text: h.text, named: h.flag, sums: list(figure), whole: list(figure), far: figure, apart: figure, layers: list(figure), length: figure, rows: figure }',
      ).replace("from 'headscope';", "from 'headscope';\nimport * as h from 'headscope';"),
    );
    const { sums, far, apart, layers, length, text, named, rows } = result as unknown as Ways;
    assert.equal(text, 'one two');
    assert.equal(named, true);
    // Rows of attention sum to 1.
    for (const sum of sums) assert.ok(Math.abs(sum - 1) < 1e-5);
    assert.ok(far < 1e-4 && apart < 1e-4, `${far} ${apart}`);
    const { layers: count, heads, headDim } = await client.call('openModel', [demoLm]);
    assert.deepEqual(
      layers,
      Array.from({ length: count }, (_, at) => at + 1),
    );
    assert.equal(rows, heads * headDim);
    assert.equal(
      length,
      1 + (await client.call('tokenise', [demoLm, { kind: 'text', text: 'one two three one two' }])).ids.length,
    );
  });

  it('the file of the docs runs as it stands', async () => {
    const page = await readFile(path.join(__dirname, '../../../docs/own-analyses.md'), 'utf8');
    const [, source = ''] = /```ts\n([^]*?)```/u.exec(page) ?? [];
    const { finding, sections } = await run('of-the-docs', source);
    assert.match(finding, /^The sharpest head of layer 0 gives its key 0\.\d+\.$/);
    assert.deepEqual(
      sections.map(({ kind, title }) => [kind, title]),
      [['table', 'Heads']],
    );
  });

  for (const [name, { source, said, line }] of Object.entries(badAnalyses)) {
    it(`${name}: a sentence with file and line, and the server goes on`, async () => {
      const file = await write(name.replaceAll(' ', '-'), source);
      await assert.rejects(client.call('analysis', [request(file)]), (error: Error) => {
        assert.match(error.message, said);
        assert.ok(error.message.includes(`${path.basename(file)}:${line}`), error.message);
        return true;
      });
    });
  }

  it('a file beside weights is not run, and one with a parameter out of its range says so', async () => {
    await mkdir(path.join(folder, 'model'));
    await writeFile(path.join(folder, 'model', 'model.safetensors'), '');
    await assert.rejects(run('model/mine', "throw new Error('ran');\n"), /not run: its folder holds weights/);
    const missing = { file: path.join(folder, 'none.headscope-analysis.ts'), root: folder };
    await assert.rejects(
      client.call('analysisOfFile', [missing]),
      /There is no .*none\.headscope-analysis\.ts\. Check/,
    );
    const file = await write('range', analysisOf('    return { value: parameters.times };'));
    const { finding, result } = await client.call('analysis', [request(file)]);
    assert.equal(finding, 'The value is 2.');
    assert.deepEqual(result, { value: 2 });
    const { code, stderr } = await headscope(['run', file, demoLm, '--prompt', 'one', '--param', 'times=99']);
    assert.equal(code === 0, false);
    assert.match(stderr, /times/);
    const listed = await headscope(['run', file, '--list-params']);
    assert.match(listed.stdout, /times +1 to 9 +2 +How often\./);
  });

  it('a cancelled run gives what was known by then, and its process ends', async () => {
    const source = analysisOf(
      `    yield { sentence: 'First', done: 1, total: 2, partial: { value: 7 } };
    for (;;) {}`,
      '  stopped: ({ value }: any) => ({ value }),',
    );
    const file = await write('stopped', source);
    const stop = new AbortController();
    const { result, stopped } = await client.call('analysis', [request(file)], {
      signal: stop.signal,
      onProgress: ({ kind }) => {
        if (kind === 'partial') stop.abort();
      },
    });
    assert.deepEqual([result, stopped], [{ value: 7 }, true]);
  });
});
