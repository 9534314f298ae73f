/** Drawing of heads in Chromium (no graphics card): a grid of 32 x 32 heads, and panning and zooming a head of 8,192 tokens. */
import type { AnalysisResult } from '../../protocol/analysis/schema';
import { resultOfHeads } from '../../protocol/results/earlier/heads';
import { writtenThumbnails } from '../../protocol/results/thumbnails';
import { plantedModel, plantedResult, plantedThumbnails } from '../browser/workbench/planted-model';
import { answeringTrials, finished } from '../browser/workbench/try-host';
import { startBrowser } from '../browser/workbench/workbench-host';
import type { Bench } from './support/bench';

const rounds = 15;
const secondsOfMotion = 5;
const longPrompt = 8192;

const bench: Bench = {
  name: 'head-grids',
  async run(report) {
    const browser = await startBrowser();
    try {
      const large = plantedModel(undefined, 32, 32, 8);
      const thumbnails = writtenThumbnails(plantedThumbnails(large));
      const result = resultOfHeads({ ...plantedResult(large), thumbnails });
      const panel = await browser.open({ host: answeringTrials() });
      await panel.posts('nextTokens');
      const times = await panel.page.evaluate(drawGrid, { result, rounds });
      report.figure({
        name: 'grid of 32 x 32 heads, from the message to the pixels',
        value: median(times),
        unit: 'ms',
        target: 100,
        comparison: 'atMost',
        note: `median of ${rounds}, ${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)} ms, the whole panel drawn with it`,
      });
      await panel.close();

      const long = await browser.open({ host: answeringTrials(finished({ result: longResult(result) })) });
      await long.page.waitForSelector('.head-drawing canvas');
      const { frames, seconds, slow, tiles } = await long.page.evaluate(panAndZoom, { seconds: secondsOfMotion });
      report.figure({
        name: `pan and zoom of a head of ${longPrompt.toLocaleString('en-US')} tokens`,
        value: frames / seconds,
        unit: 'frames/s',
        target: 50,
        comparison: 'atLeast',
        note: `${frames} frames in ${seconds.toFixed(1)} s, 95th percentile ${slow.toFixed(1)} ms, ${tiles} tiles loaded on the way`,
      });
      await long.close();
    } finally {
      await browser.stop();
    }
  },
};

export default bench;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The numbers are those of the short prompt; only the length matters for the matrix. */
const longResult = (result: AnalysisResult): AnalysisResult => ({
  ...result,
  created: '2026-11-24T17:00:00.000Z',
  prompts: [
    {
      text: null,
      ids: Array.from({ length: longPrompt }, (_, at) => at % 997),
      tokens: Array.from({ length: longPrompt }, (_, at) => ` t${at % 997}`),
    },
  ],
});

/** Runs in the page. */
async function drawGrid(given: { readonly result: AnalysisResult; readonly rounds: number }): Promise<number[]> {
  const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));
  const times: number[] = [];
  for (let round = 0; round < given.rounds; round += 1) {
    const created = new Date(Date.UTC(2026, 0, 1 + round)).toISOString();
    const result = structuredClone({ ...given.result, created });
    await frame();
    const began = performance.now();
    window.dispatchEvent(new MessageEvent('message', { data: { kind: 'result', result } }));
    await frame();
    await frame();
    const canvas = document.querySelector<HTMLCanvasElement>('[data-section=heads] > hs-section-picture canvas');
    // Reading a pixel back waits until all of it is drawn.
    canvas?.getContext('2d')?.getImageData(0, 0, 1, 1);
    times.push(performance.now() - began);
  }
  return times;
}

/** Runs in the page, which also plays the source of the tiles: each is there after 10 ms. */
async function panAndZoom({ seconds }: { readonly seconds: number }): Promise<{
  readonly frames: number;
  readonly seconds: number;
  readonly slow: number;
  readonly tiles: number;
}> {
  const outside = window as unknown as { headscopePost(json: string): Promise<void> };
  const post = outside.headscopePost.bind(window);
  let tiles = 0;
  outside.headscopePost = (json) => {
    const message = JSON.parse(json) as { kind: string; request: number; outRows: number; outColumns: number };
    if (message.kind !== 'tile') return post(json);
    const { request, outRows, outColumns } = message;
    setTimeout(() => {
      const data = new Float32Array(outRows * outColumns);
      for (let at = 0; at < data.length; at += 1)
        data[at] = ((at * 2654435761) >>> 8) / 2 ** 24 / (1 + (at % outColumns));
      tiles += 1;
      window.dispatchEvent(
        new MessageEvent('message', {
          data: { kind: 'tile', request, tile: { ...message, outRows, outColumns, data } },
        }),
      );
    }, 10);
    return Promise.resolve();
  };
  const matrix = document.querySelector('.head-drawing hs-section-picture') as unknown as {
    zoom(factor: number): void;
    pan(dx: number, dy: number): void;
    fit(): void;
  };
  matrix.fit();
  const began = performance.now();
  const intervals: number[] = [];
  let last = began;
  for (let at = 0; performance.now() - began < seconds * 1000; at += 1) {
    // In for a second, along the diagonal for a second, out again.
    const phase = Math.floor(at / 60) % 3;
    if (phase === 0) matrix.zoom(1.06);
    else if (phase === 1) matrix.pan(14, 14);
    else matrix.zoom(1 / 1.06);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = performance.now();
    intervals.push(now - last);
    last = now;
  }
  intervals.sort((a, b) => a - b);
  return {
    frames: intervals.length,
    seconds: (last - began) / 1000,
    slow: intervals[Math.floor(intervals.length * 0.95)] ?? 0,
    tiles,
  };
}
