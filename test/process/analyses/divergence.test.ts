/** `headscope run divergence` beside `headscope vhd` and the calls of the Hallucination panel: the same numbers. */
import assert from 'node:assert/strict';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { nameOfResult } from '../../../protocol/compute/analyses';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { plantedPrompt, writePlantedSpanHeads } from '../../support/checkpoints/planted-span-heads';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import { buildServer, Place } from '../model/support/model-server';

const vlm = tinyLlava();
const ids = [1, 5, 9, vlm.imageToken, 11, 17, 23];
const tables = ['vhd', 'textEnergy', 'visualAttention', 'outlier', 'selected'] as const;

describe('divergence as an analysis, by the real process', () => {
  let place: Place;
  let [llava, text, picture] = ['', '', ''];
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
    llava = place.at('llava');
    writeTinyModel(llava, vlm);
    writeProcessor(llava, vlm);
    text = place.at('planted');
    writePlantedSpanHeads(text, { visual: 8, prior: 4.2 });
    picture = writePng(place.at('a.png'), tinyPixels(20, 14));
  });
  after(() => place.remove());

  const json = async <T>(words: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await place.headscope([...words, '--json', '-']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  const params = (values: Readonly<Record<string, string | number | boolean>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  const captionOf = (of: unknown) => of as HallucinationResult['caption'];

  it('of an image: number for number what headscope vhd gives', async () => {
    const prompt = ['--image', picture, '--ids', ids.join(',')];
    const vhd = await json<HallucinationResult>(['vhd', llava, ...prompt, '--steps', '12']);
    const run = await json<AnalysisResult>(['run', 'divergence', llava, ...prompt, ...params({ tokens: 12 })]);
    for (const name of tables) assert.deepEqual(run.result[name], vhd[name], name);
    assert.equal(run.result['k'], vhd.k);
    assert.deepEqual(run.result['sinks'], vhd.sinks);
    const { text: said, tokens, stoppedAt } = captionOf(run.result['caption']);
    assert.deepEqual(tokens, vhd.caption.tokens);
    assert.deepEqual([said, stoppedAt], [vhd.caption.text, vhd.caption.stoppedAt]);
    assert.deepEqual(
      run.sections.map(({ kind }) => kind),
      ['heads', 'image', 'tokens', 'chart', 'chart', 'table', 'table', 'text'],
    );
  });

  it('of a span, by another distance and more heads', async () => {
    const { ids: prompt, removed } = plantedPrompt(8, 4);
    const { start, end } = removed;
    const words = ['--ids', prompt.join(',')];
    const measure = ['--distance', 'relative', '--outliers', 'release', '--positions', 'original', '--k', '2'];
    const vhd = await json<HallucinationResult>([
      'vhd',
      text,
      ...words,
      '--span',
      `${start}:${end}`,
      '--steps',
      '3',
      ...measure,
    ]);
    const values = { removed: 'span', start, end, tokens: 3, k: 2 };
    const run = await json<AnalysisResult>([
      'run',
      'divergence',
      text,
      ...words,
      ...params({ ...values, distance: 'relative', outliers: 'release', positions: 'original' }),
    ]);
    for (const name of tables) assert.deepEqual(run.result[name], vhd[name], name);
    assert.deepEqual(captionOf(run.result['caption']).tokens, vhd.caption.tokens);
    const attention = run.sections.find(({ id }) => id === 'attention');
    assert.ok(attention?.kind === 'tokens' && attention.tokens.length === end - start);
  });

  it('the reinforced caption is that of the panel; the mean of the selected heads is that of its picture', async () => {
    const client = place.client();
    const prompt = { kind: 'ids', ids, image: picture } as const;
    const measure = { distance: 'l2', outliers: 'paper', positions: 'contiguous' } as const;
    const request = { folder: llava, prompt, removed: { kind: 'image' } as const, ...measure, maxNewTokens: 12 };
    const plan = { heads: 'selected', normMatched: false, executor: 'in-graph', seed: 0 } as const;
    const caption = await client.call('reinforce', [request, { alpha: 3, outliers: 'paper', ...plan }]);
    const run = await client.call('analysis', [
      {
        analysis: 'divergence',
        folder: llava,
        input: { kind: 'prompt', prompt },
        parameters: { tokens: 12, reinforce: true, alpha: 3 },
        interventions: [],
        seed: 0,
      },
    ]);
    const {
      tokens,
      text: said,
      gains,
      heads,
      reinforcement,
    } = run.result['reinforced'] as typeof caption & {
      heads: unknown;
    };
    assert.deepEqual(tokens, caption.tokens);
    assert.equal(said, caption.text);
    assert.deepEqual([gains, heads, reinforcement], [caption.gains, caption.reinforced, caption.reinforcement]);
    const selected = (run.result['selected'] as boolean[][]).flatMap((row, layer) =>
      row.flatMap((is, head) => (is ? [{ layer, head }] : [])),
    );
    const map = await client.call('imageMap', [{ folder: llava, prompt, generated: [], heads: selected }]);
    assert.deepEqual(run.result['attention'], [...map]);
    const asked = await client.call('askAnalysis', [
      run,
      { section: 'heads', place: { kind: 'head', layer: 1, head: 2 } },
    ]);
    const one = await client.call('imageMap', [
      { folder: llava, prompt, generated: [], heads: [{ layer: 1, head: 2 }] },
    ]);
    assert.ok(asked.kind === 'image');
    assert.deepEqual(asked.numbers[0]?.values, [...one]);
    // At a later token, of the plain text and under the gains of the reinforced one.
    const two = [
      { layer: 0, head: 1 },
      { layer: 1, head: 2 },
    ];
    const { tokens: plain } = captionOf(run.result['caption']);
    const interventions = (gains ?? []).map((gain) => ({ kind: 'gain' as const, ...gain }));
    for (const [section, written, held] of [
      ['caption', plain, []],
      ['reinforced-caption', tokens, interventions],
    ] as const) {
      const generated = written.slice(0, 3).map(({ id }) => id);
      const expected = await client.call('imageMap', [
        { folder: llava, prompt, generated, heads: two, interventions: held },
      ]);
      const place = { kind: 'heads' as const, heads: two, token: 3 };
      const map = await client.call('askAnalysis', [{ named: nameOfResult(run) }, { section, place }]);
      assert.ok(map.kind === 'image');
      assert.deepEqual(map.numbers[0]?.values, [...expected], section);
    }
    const random = { alpha: 3, outliers: 'paper' as const, ...plan, heads: 'random' as const };
    const control = await client.call('reinforce', [request, random]);
    const more = await client.call('extendAnalysis', [
      run,
      { section: 'caption', place: { kind: 'variant', reinforcement: random } },
    ]);
    const [variant] = more.result['variants'] as (typeof caption)[];
    assert.deepEqual([variant?.tokens, variant?.gains], [control.tokens, control.gains]);
    assert.equal(nameOfResult(more), nameOfResult(run), 'the run is the same');
    assert.ok(run.sections.some(({ kind }) => kind === 'generations'));
  });

  it('a text model is told of the span, and a prompt without a picture is refused', async () => {
    const { code, stderr } = await place.headscope(['run', 'divergence', text, '--ids', '0,1,2,5']);
    assert.notEqual(code, 0);
    assert.match(stderr, /no vision encoder.*span of the prompt/);
    const noImage = ids.filter((id) => id !== vlm.imageToken).join(',');
    const without = await place.headscope(['run', 'divergence', llava, '--ids', noImage]);
    assert.notEqual(without.code, 0);
    assert.match(without.stderr, /no image to leave out/);
  });
});
