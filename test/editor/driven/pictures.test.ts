/** A picture, a part of a text and a folder of pictures in the workbench, by the demo models; every number agrees with the others. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { parseAnalysis, type AnalysisResult } from '../../../protocol/analysis/schema';
import type { SetResult } from '../../../protocol/results/caption-set-result';
import type { DivergenceResult } from '../../../protocol/results/divergence-result';
import { significant } from '../../../webviews/ui/numbers';
import { repositoryRoot } from '../../support/host/versions';
import { eventually, patience } from '../../support/patience';
import { countAuroc, countScores } from './caption-scores';
import { showInLiveView, workbenchPanel } from './panels';
import { useWindow, type DrivenWindow } from './window';

const pictures = join(repositoryRoot, 'out/editor-pictures');

const spanPrompt =
  'The red bag is on the table. The pass key is 52719. The sky is blue. What is the pass key? The pass key is';

/** The one result that `wanted` is true of among those that were saved. */
function saved<R>({ workspace, host }: DrivenWindow, analysis: string, wanted: (result: R) => boolean = () => true): R {
  const places = [
    join(workspace, '.headscope'),
    join(host.profile, 'data/User/globalStorage/headscope.headscope/results'),
  ];
  const found = places
    .filter(existsSync)
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
    .filter((name) => name.endsWith('.headscope-analysis.json'))
    .map((name): AnalysisResult => {
      const parsed = parseAnalysis(readFileSync(name, 'utf8'));
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
      return parsed.result;
    })
    .filter((one) => one.analysis === analysis)
    .map(({ result }) => result as R)
    .filter(wanted);
  assert.equal(found.length, 1, `one saved result of ${analysis} in ${places.join(' or ')}`);
  return found[0] as R;
}

describe('pictures in the workbench in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow();
  const done = (panel: FrameLocator) =>
    panel.locator('.run-state', { hasText: /^\s*Done in / }).waitFor({ timeout: patience(90_000) });
  const save = async (panel: FrameLocator): Promise<void> => {
    await panel.locator('#save:not([disabled])').click();
    await panel.locator('.run-state', { hasText: 'saved as' }).waitFor();
  };
  const choose = async (panel: FrameLocator, name: string, option: string | RegExp): Promise<void> => {
    await panel.getByRole('combobox', { name, exact: true }).click();
    await panel.getByRole('option', { name: option }).first().click();
  };

  it('captions a scene with the demo model by one click', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show Hallucination Heads');
    const panel = await workbenchPanel(bench, 'full');
    await panel.locator('img.input-picture[alt="scene-010.png"]').waitFor();
    await panel.getByText('image tokens').first().waitFor();
    await panel.locator('#run:not([disabled])').click();
    await done(panel);
    await panel.locator('[data-section=attention] .section-caption', { hasText: 'on these patches' }).waitFor();
    await save(panel);

    const result = saved<DivergenceResult>(window(), 'divergence');
    const { caption, vhd, outlier, selected, k, image, truth } = result;
    assert.ok(image);
    assert.equal(caption.tokens.map(({ text }) => text).join(''), caption.text);
    // T-VHD of the first token is the sum over the layers of the k largest divergences (paper, equation 5).
    const sums = vhd.map((row) =>
      row
        .toSorted((a, b) => b - a)
        .slice(0, k)
        .reduce((sum, value) => sum + value, 0),
    );
    const tVhd = sums.reduce((sum, value) => sum + value, 0);
    const first = caption.tokens[0]?.tVhd ?? Number.NaN;
    assert.ok(Math.abs(first - tVhd) < 1e-4 * tVhd, `T-VHD ${first}, of the map ${tVhd}`);
    // Selected: above the lower median of the layer, outliers at 0 (equation 7).
    vhd.forEach((row, layer) => {
      const kept = row.map((value, head) => (outlier[layer]?.[head] ? 0 : value));
      const middle = kept.toSorted((a, b) => a - b)[Math.floor((row.length - 1) / 2)] ?? 0;
      assert.deepEqual(
        selected[layer],
        kept.map((value) => value > middle),
      );
    });
    assert.ok(truth && truth.length > 0, 'what truth.json says of the scene');
    for (const { word, object, inTruth } of caption.mentions ?? []) assert.equal(inTruth, truth.includes(object), word);

    await panel.locator('[data-section=heads] .picture-frame').press('ArrowRight');
    const readout = await panel.locator('[data-section=heads] .chosen-words').innerText();
    const [layer = -1, head = -1] = (/^layer (\d+), head (\d+)/.exec(readout) ?? []).slice(1).map(Number);
    assert.ok(readout.includes(`VHD ${significant(vhd[layer]?.[head] ?? Number.NaN)}`), readout);
    const map = panel.locator('.answer [data-kind=image]');
    await map.locator('h2', { hasText: `Where L${layer}H${head} looks` }).waitFor();
    const mass = /([\d.]+) % of this attention/.exec(await map.locator('.section-caption').innerText());
    assert.ok(mass && Number(mass[1]) > 0 && Number(mass[1]) <= 100.01, mass?.[0]);
    await panel.locator('[data-section=caption] [aria-label="Show the numbers as a table"]').click();
    const tokens = await panel.locator('[data-section=caption] tbody tr > :nth-child(2)').allInnerTexts();
    await panel.locator('[data-section=caption] [aria-label="Show the picture"]').click();
    const shown = tokens.join('').replaceAll('␣', ' ');
    for (const { word } of caption.mentions ?? []) assert.ok(shown.toLowerCase().includes(word), `${word} in ${shown}`);
    mkdirSync(pictures, { recursive: true });
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'pictures.png'));
  });

  it('draws the picture of the scene under its map, from its bytes', async () => {
    const panel = await workbenchPanel(window().bench, 'full');
    const map = panel.locator('[data-section=attention]');
    const opacity = map.getByRole('slider', { name: 'Opacity of the values over the picture' });
    await opacity.fill('0');
    const coloursDrawn = (): Promise<number> =>
      map.locator('canvas').evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const context = canvas.getContext('2d');
        const seen = new Set<string>();
        for (let at = 0; at < 400; at += 1) {
          const x = Math.floor((((at % 20) + 0.5) / 20) * canvas.width);
          const y = Math.floor(((Math.floor(at / 20) + 0.5) / 20) * canvas.height);
          seen.add([...(context?.getImageData(x, y, 1, 1).data ?? [])].join());
        }
        return seen.size;
      });
    // The attention that lay over it has few colours; the picture is drawn when its bytes are decoded.
    while ((await coloursDrawn()) <= 4) await window().bench.page.waitForTimeout(50);
    await opacity.fill('65');
  });

  it('shows the heads and the map of another word', async () => {
    const panel = await workbenchPanel(window().bench, 'full');
    for (let step = 0; step < 4; step += 1)
      await panel.locator('[data-section=caption] .picture-frame').first().press('ArrowRight');
    await panel.locator('.answer h2', { hasText: 'Heads at token 3' }).waitFor({ timeout: patience(30_000) });
    await panel.locator('.answer h2', { hasText: /looks? at token 3/ }).waitFor({ timeout: patience(30_000) });
  });

  it('writes the caption again with reinforced heads and with a control, which are there again after a reload', async () => {
    const { bench } = window();
    const panel = await workbenchPanel(bench, 'full');
    for (const [id, name] of [
      ['#reinforce', 'heads x 2'],
      ['#control-random', 'random heads x 2'],
    ] as const) {
      await panel.locator(`${id}:not([disabled])`).click();
      await panel
        .locator('[data-section=scores] tbody tr', { hasText: name })
        .first()
        .waitFor({ timeout: patience(60_000) });
    }
    await panel.locator('#reinforce:not([disabled])').waitFor();
    assert.equal(await panel.locator('[data-section^=reinforced-caption]').count(), 2);
    const before = await panel.locator('h1').innerText();
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'pictures-reinforced.png'));
    await bench.page.reload();
    await bench.restored();
    const again = await workbenchPanel(bench, 'full');
    await again.locator('[data-section^=reinforced-caption]').nth(1).waitFor();
    await eventually(async () => assert.equal(await again.locator('h1').innerText(), before));
    await showInLiveView(bench, 'Workbench');
    await bench.sideBarWidth(300);
    const side = await workbenchPanel(bench, 'side');
    await side.locator('[data-section=caption] canvas').waitFor();
    await eventually(async () => assert.equal(await side.locator('h1').innerText(), before));
    await bench.screenshot(join(pictures, 'pictures-side.png'));
  });

  it('captions a folder of scenes, stops, goes on behind what is there, and shows the scores of the captions', async () => {
    const { bench } = window();
    const panel = await workbenchPanel(bench, 'full');
    await panel.locator('#ask').click();
    await panel.locator('#ask-words').fill('captions of a set');
    await panel.locator('[data-analysis=divergence-set]').click();
    await panel.getByText('320 pictures with a truth.').waitFor();
    await panel.getByRole('textbox', { name: 'Pictures' }).fill('12');
    await panel.getByText('The run takes 12 of 320 pictures, drawn by seed 0.').waitFor();
    await panel.locator('#run:not([disabled])').click();
    const rows = panel.locator('[data-section=pictures] tbody tr');
    await rows.nth(1).waitFor({ timeout: patience(60_000) });
    await panel.locator('#cancel').click();
    await panel.getByText('The run was stopped').or(panel.locator('#run:not([disabled])')).first().waitFor();
    const before = await rows.count();
    assert.ok(before >= 2 && before < 12, `stopped after ${before} of 12 pictures`);
    await panel.locator('#run:not([disabled])').click();
    await done(panel);
    await save(panel);
    const set = saved<SetResult>(window(), 'divergence-set');
    assert.deepEqual([set.total, set.entries.length, set.failures], [12, 12, []]);
    assert.equal(new Set(set.entries.map(({ name }) => name)).size, 12);
    const shown = await panel
      .locator('[data-section=rates] tbody tr')
      .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
    const counted = [
      countScores(set, ({ plain }) => plain),
      ...set.variants.map((_, at) => countScores(set, ({ variants }) => variants[at])),
    ];
    assert.deepEqual(
      shown.map((cells) => [...cells.slice(2, 5), cells[7]]),
      counted.map(({ chairS, chairI, recall, length }) => [
        ...[chairS, chairI, recall].map((one) => `${significant(one)} %`),
        significant(length),
      ]),
    );
    const words = await panel.locator('[data-section=t-vhd-by-truth] .section-caption').innerText();
    assert.ok(words.includes(`with probability ${countAuroc(set).toFixed(3)} (AUROC)`), words);
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'pictures-folder.png'));
    await rows.first().click();
    await panel.locator('[data-section=pictures]').getByRole('button', { name: 'Show its heads' }).click();
    await panel.locator('img.input-picture').waitFor();
  });

  it('finds the heads that depend on a part of a text', async () => {
    const { bench } = window();
    const panel = await workbenchPanel(bench, 'full');
    await panel.locator('#ask').click();
    await panel.locator('#ask-words').fill('vision-aware');
    await panel.locator('[data-analysis=divergence]').click();
    await choose(panel, 'Model', 'demo-lm');
    await panel.getByRole('textbox', { name: 'Picture' }).fill('');
    await panel.getByLabel('Prompt text').fill(spanPrompt);
    await choose(panel, 'Removed', 'A part of the text');
    const tokens = panel.locator('.span-list .token');
    await tokens.first().waitFor();
    // The five digits of the key, each a token.
    await tokens.nth(14).click();
    await tokens.nth(18).click({ modifiers: ['Shift'] });
    await panel.getByText('Tokens 14 to 18 are marked').waitFor();
    await panel.locator('#run:not([disabled])').click();
    await done(panel);
    await save(panel);
    const result = saved<DivergenceResult>(window(), 'divergence', ({ removed }) => removed.kind === 'span');
    assert.deepEqual(result.removed, { kind: 'span', start: 14, end: 19 });
    assert.equal(result.span?.join(''), '52719');
    assert.match(result.caption.text, /^ ?52719/);
    const largest = Math.max(
      ...result.vhd.flatMap((row, layer) => row.filter((_, head) => !result.outlier[layer]?.[head])),
    );
    const finding = await panel.locator('h1').innerText();
    assert.match(finding, /^Without the span, /);
    assert.ok(finding.includes(`(VHD ${Number(largest.toPrecision(3))})`), finding);
    // The words of the passkey lean on the part removed more than what follows them.
    const tVhd = result.caption.tokens.map((token) => token.tVhd);
    const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
    assert.ok(mean(tVhd.slice(0, 6)) > mean(tVhd.slice(6)), tVhd.join(' '));
    assert.equal(await panel.locator('[data-kind=image]').count(), 0, 'no picture belongs to a text');
    await panel.locator('#reinforce:not([disabled])').click();
    await panel.locator('[data-section=reinforced-caption]').waitFor({ timeout: patience(60_000) });
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'pictures-span.png'));
  });

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});
