import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHallucination, type SavedHallucination } from '../../../extension/results/hallucination-file';
import { significant } from '../../../webviews/ui/numbers';
import { repositoryRoot } from '../../support/host/versions';
import { countAuroc, countScores } from './caption-scores';
import { hallucinationPanel, savedResults, showInLiveView } from './panels';
import { useWindow, type DrivenWindow } from './window';
import { patience } from '../../support/patience';

const pictures = join(repositoryRoot, 'out/editor-pictures');

const spanPrompt =
  'The red bag is on the table. The pass key is 52719. The sky is blue. What is the pass key? The pass key is';

type Saved<Kind extends SavedHallucination['kind']> = Extract<SavedHallucination, { readonly kind: Kind }>;

/** The one result that `wanted` is true of among those that were saved, in the workspace or in the storage of the extension. */
function saved<Kind extends SavedHallucination['kind']>(
  { workspace, host }: DrivenWindow,
  kind: Kind,
  wanted: (result: Saved<Kind>) => boolean = () => true,
): Saved<Kind> {
  const storage = join(host.profile, 'data/User/globalStorage/headscope.headscope/results');
  const places = [join(workspace, '.headscope'), storage];
  const found = places
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
    .filter((file) => file.endsWith('.headscope-hallucination.json'))
    .map((file) => parseHallucination(readFileSync(file, 'utf8')))
    .flatMap((parsed) => {
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
      return parsed.result.kind === kind && wanted(parsed.result as Saved<Kind>) ? [parsed.result as Saved<Kind>] : [];
    });
  assert.equal(found.length, 1, `one saved result of this kind in ${places.join(' or ')}`);
  return found[0] as Saved<Kind>;
}

describe('the Hallucination panel in VS Code', function () {
  this.timeout(120_000);
  const window = useWindow();

  it('captions a scene with the demo model by one click, and every number agrees with the others', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Show Hallucination Heads');
    const panel = await hallucinationPanel(bench, 'full');
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /^\s*Done in / }).waitFor({ timeout: patience(90_000) });
    await panel.locator('.image-view .section-caption', { hasText: 'on these patches' }).waitFor();
    await panel.locator('#save').click();
    await panel.locator('.run-state', { hasNotText: 'not saved' }).waitFor();

    const result = saved(window(), 'headscope-hallucination');
    const { caption, vhd, outlier, selected, layers, heads, k, image } = result;
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
    for (let layer = 0; layer < layers; layer += 1) {
      const kept = (vhd[layer] ?? []).map((value, head) => (outlier[layer]?.[head] ? 0 : value));
      const middle = kept.toSorted((a, b) => a - b)[Math.floor((heads - 1) / 2)] ?? 0;
      assert.deepEqual(
        selected[layer],
        kept.map((value) => value > middle),
      );
    }
    for (const { word, object, inTruth } of caption.mentions)
      assert.equal(inTruth, result.truth?.includes(object), word);

    const readout = await panel.locator('.vhd-view .chosen-words').innerText();
    const [layer = -1, head = -1] = (/^layer (\d+), head (\d+)/.exec(readout) ?? []).slice(1).map(Number);
    assert.ok(readout.includes(`VHD ${significant(vhd[layer]?.[head] ?? Number.NaN)}`), readout);
    await panel.locator('.caption-view [aria-label="Show the numbers as a table"]').click();
    const tokens = await panel.locator('.caption-view tbody tr > :nth-child(2)').allInnerTexts();
    await panel.locator('.caption-view [aria-label="Show the picture"]').click();
    const shown = tokens.join('').replaceAll('␣', ' ');
    for (const { word } of caption.mentions) assert.ok(shown.toLowerCase().includes(word), `${word} in ${shown}`);
    const mass = /([\d.]+) % of the attention/.exec(await panel.locator('.image-view .section-caption').innerText());
    assert.ok(mass && Number(mass[1]) > 0 && Number(mass[1]) <= 100.01, mass?.[0]);
    mkdirSync(pictures, { recursive: true });
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'hallucination.png'));
  });

  it('draws the picture of the scene, from its bytes', async () => {
    const panel = await hallucinationPanel(window().bench, 'full');
    const opacity = panel.getByRole('slider', { name: 'Opacity of the values over the picture' });
    await opacity.fill('0');
    const coloursDrawn = (): Promise<number> =>
      panel.locator('.image-view hs-section-picture canvas').evaluate((element) => {
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

  it('writes the caption again with reinforced heads, and with a control', async () => {
    const { bench } = window();
    const panel = await hallucinationPanel(bench, 'full');
    for (const [id, name] of [
      ['#reinforce', 'Reinforced x 2'],
      ['#control-random', 'Random heads x 2'],
    ] as const) {
      await panel.locator(`${id}:not([disabled])`).click();
      await panel.locator('.captions tbody tr', { hasText: name }).waitFor({ timeout: patience(60_000) });
    }
    // The caption in the making goes with the next drawing.
    await panel.locator('.caption-card').waitFor({ state: 'detached' });
    assert.equal(await panel.locator('[data-variant]').count(), 2);
    await panel.locator('.captions tbody').scrollIntoViewIfNeeded();
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'hallucination-reinforced.png'));
  });

  it('shows the divergence of another word', async () => {
    const panel = await hallucinationPanel(window().bench, 'full');
    for (let step = 0; step < 3; step += 1) await panel.locator('.caption-view .picture-frame').press('ArrowRight');
    await panel.locator('.vhd-view h2', { hasText: 'at token 3' }).waitFor({ timeout: patience(30_000) });
  });

  it('shows the result and its captions again after the window is reloaded, and in the live view', async () => {
    const { bench } = window();
    const before = await (await hallucinationPanel(bench, 'full')).locator('h1').innerText();
    await bench.page.reload();
    await bench.restored();
    const panel = await hallucinationPanel(bench, 'full');
    await panel.locator('[data-variant]').nth(1).waitFor();
    assert.equal(await panel.locator('h1').innerText(), before);
    await showInLiveView(bench, 'Hallucination');
    await bench.sideBarWidth(300);
    const side = await hallucinationPanel(bench, 'side');
    await side.locator('.caption-view canvas').waitFor();
    assert.equal(await side.locator('h1').innerText(), before);
    await bench.screenshot(join(pictures, 'hallucination-side.png'));
  });

  it('captions a folder of scenes, stops, goes on behind what is there, and shows the scores of the captions', async () => {
    const { bench } = window();
    const panel = await hallucinationPanel(bench, 'full');
    await panel.getByRole('radio', { name: 'A folder' }).click();
    await panel.getByText('320 pictures with a truth.').waitFor();
    await panel.locator(`vscode-text-field[aria-label='Pictures'] input`).fill('12');
    await panel.locator('#run:not([disabled])').click();
    const rows = panel.locator('[data-section="pictures"] tbody tr');
    await rows.nth(1).waitFor();
    await panel.locator('.run-state', { hasText: /Image \d+ of 12: scene-\d+\.png: \d+ %/ }).waitFor();
    assert.match(await panel.locator('h1').innerText(), /^\d+ of \d+ captions so far names? an object/);
    await panel.locator('#cancel').click();
    await panel.locator('.run-state', { hasText: /Stopped after/ }).waitFor();
    const before = await rows.count();
    assert.ok(before >= 2 && before < 12, `stopped after ${before} of 12 pictures`);
    await panel.locator('h1', { hasText: `stopped after ${before} of 12` }).waitFor();

    await panel.locator('#resume').click();
    await panel.locator('.run-state', { hasText: /Done in .*not saved/ }).waitFor({ timeout: patience(60_000) });
    await panel.locator('#save').click();
    await panel.locator('.run-state', { hasNotText: 'not saved' }).waitFor();
    const set = saved(window(), 'headscope-hallucination-set');
    assert.deepEqual([set.state, set.total, set.entries.length, set.failures], ['done', 12, 12, []]);
    assert.equal(new Set(set.entries.map(({ name }) => name)).size, 12);
    const shown = await panel
      .locator('[data-section="rates"] tbody tr')
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
    const words = await panel.locator('[data-section="t-vhd-by-truth"] .section-caption').innerText();
    assert.ok(words.includes(`with probability ${countAuroc(set).toFixed(3)} (AUROC)`), words);
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'hallucination-set.png'));
  });

  it('finds the heads that depend on a part of a text', async () => {
    const { bench } = window();
    const panel = await hallucinationPanel(bench, 'full');
    await panel.getByRole('radio', { name: 'Text', exact: true }).click();
    await panel.locator(`vscode-dropdown[aria-label='Model']`).click();
    await panel.locator('vscode-option', { hasText: 'demo-lm' }).click();
    await panel.locator('#prompt').fill(spanPrompt);
    const tokens = panel.locator('#span .token');
    await tokens.first().waitFor();
    // The five digits of the key, each a token.
    await tokens.nth(14).click();
    await tokens.nth(18).click({ modifiers: ['Shift'] });
    await panel.getByText('Tokens 14 to 18 are removed').waitFor();
    await panel.locator('#run:not([disabled])').click();
    await panel.locator('.run-state', { hasText: /Done in .*not saved/ }).waitFor({ timeout: patience(60_000) });
    await panel.locator('#save').click();
    await panel.locator('.run-state', { hasNotText: 'not saved' }).waitFor();
    const result = saved(window(), 'headscope-hallucination', ({ removed }) => removed.kind === 'span');
    assert.deepEqual(result.removed, { kind: 'span', start: 14, end: 19 });
    assert.equal(result.promptTokens.slice(14, 19).join(''), '52719');
    assert.match(result.caption.text, /^ ?52719/);
    const largest = Math.max(
      ...result.vhd.flatMap((row, layer) => row.filter((_, head) => !result.outlier[layer]?.[head])),
    );
    assert.match(
      await panel.locator('h1').innerText(),
      new RegExp(`of 36 heads depends? on the removed text.* \\(VHD ${significant(largest)}\\)`),
    );
    // The words of the passkey lean on the part removed more than what follows them.
    const tVhd = result.caption.tokens.map((token) => token.tVhd);
    const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
    assert.ok(mean(tVhd.slice(0, 6)) > mean(tVhd.slice(6)), tVhd.join(' '));
    assert.equal(await panel.locator('[data-kind="image"]').count(), 0, 'no picture belongs to a text');
    assert.match(await panel.locator('.vhd-view h2').innerText(), /^Context-aware divergence/);
    await panel.locator('#reinforce:not([disabled])').click();
    await panel.locator('.captions tbody tr', { hasText: 'Reinforced x 2' }).waitFor({ timeout: patience(60_000) });
    await bench.page.mouse.move(0, 0);
    await bench.screenshot(join(pictures, 'hallucination-span.png'));
  });

  it('lays another saved result beside it, or says why that cannot be', async () => {
    const { bench } = window();
    const panel = await hallucinationPanel(bench, 'full');
    await panel.locator('#compare').click();
    // Sets of pictures are not offered beside a single text: the picture of the first test is the one that is left.
    await bench.pickNth('Compare with', 0);
    const banner = panel.locator('.banner.info', { hasText: /Compared with [-\d]+demo-vlm-scene-010/ });
    await banner
      .filter({ hasText: /6 layers of 6 heads, .* 6 of 8: .* only between models of the same shape/ })
      .waitFor();
    await banner.getByRole('button', { name: 'Stop comparing' }).click();
    await banner.waitFor({ state: 'detached' });
  });

  it('opens the saved result as a file, with its picture', async () => {
    const { bench } = window();
    await (await savedResults(bench))('demo-vlm-scene').click();
    const file = await hallucinationPanel(bench, 'file');
    await file.locator('.vhd-view canvas').waitFor();
    await file.locator('.image-view hs-section-picture canvas').waitFor();
    await file.locator('#open-full:not([disabled])').waitFor();
  });

  it('asked nothing outside the machine', () => {
    assert.deepEqual(window().outside, []);
  });
});
