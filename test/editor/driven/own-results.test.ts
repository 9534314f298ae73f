/** A person's own analysis in a real VS Code: its runs from the Explorer, and what its code says of its saved results. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { FrameLocator } from 'playwright-core';
import { analysisTemplate } from '../../../extension/own/templates';
import { referenceLine } from '../../../extension/own/types-folder';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { patience } from '../../support/patience';
import { processesOf } from './compute-processes';
import { chooseFromMenu } from './menu';
import { workbenchPanel } from './panels';
import { useWindow } from './window';

const told = 'told.headscope-analysis.ts';
/** The template with `ask` and `compare`, and rounds of the model before it gives its result. */
const toldText = [
  ["title: 'My focus'", "title: 'Told focus'"],
  [
    'default: 0 }) },\n',
    "default: 0 }), rounds: field.integer('Rounds', 'Runs.', { min: 0, max: 1e6, default: 0 }) },\n",
  ],
  ['parameters: { layer }, variant', 'parameters: { layer, rounds }, variant'],
  [
    '    const tokens =',
    "    for (let at = 0; at < rounds; at++) await model.run({ ...prompt, logits: 'last' });\n    const tokens =",
  ],
  [
    '      ],\n    ),\n  ],\n',
    `      ],
      { ask: 'Say it again' },
    ),
  ],
  compare: (other, own) => [
    build.paragraphs('change', 'Change of the focus', own.focus.map((one, head) => String(one - other.focus[head]!))),
  ],
  ask: async (model, { input }, { focus }, { place }) =>
    build.paragraphs('again', 'Again', [
      \`\${place.kind === 'row' ? focus[place.row] : ''} of \${input.prompts[0]!.ids.length} tokens\`,
    ]),
`,
  ],
].reduce((text, [from = '', to = '']) => {
  assert.ok(text.includes(from), from);
  return text.replace(from, () => to);
}, analysisTemplate);

describe('results of an own analysis in VS Code', function () {
  this.timeout(240_000);
  const window = useWindow({
    settings: { 'headscope.compute.threads': 1 },
    prepare: (workspace) =>
      writeFileSync(join(workspace, told), referenceLine(join(workspace, told), workspace) + toldText),
  });

  /** Runs the form with these values. */
  async function run(panel: FrameLocator, values: Readonly<Record<string, number>>): Promise<void> {
    // Beside a result they are folded.
    const folded = panel.locator('.disclosure-button[aria-expanded=false]', { hasText: 'Parameters:' });
    if ((await folded.count()) > 0) await folded.click();
    for (const [field, value] of Object.entries(values)) {
      await panel.locator(`[data-parameter=${field}] input`).fill(String(value));
    }
    await panel.locator('#run:not([disabled])').click();
  }

  it('an analysis runs from the Explorer, and answers for its saved results while it is as it was', async () => {
    const { bench, workspace } = window();
    const { page } = bench;
    await bench.openFile(told);
    // The types that it names are laid beside it when it is opened, before anything runs, and TypeScript finds them.
    while (!existsSync(join(workspace, '.headscope/types/headscope.d.ts'))) await setTimeout(50);
    const wrong = page.locator('.editor-group-container.active .squiggly-error').first();
    await wrong.waitFor({ state: 'detached', timeout: patience(30_000) });
    await bench.runCommand('File: Reveal Active File in Explorer View');
    const entry = page.locator('.explorer-folders-view .monaco-list-row', { hasText: told });
    await chooseFromMenu(entry, 'Run on a Model…');
    await page.locator('.monaco-dialog-box').getByText('Run Them', { exact: true }).click();
    const panel = await workbenchPanel(bench, 'full');
    await panel.locator('[data-parameter=rounds]').waitFor({ timeout: patience(60_000) });

    const results = join(workspace, '.headscope');
    const saved = (): AnalysisResult[] =>
      readdirSync(results)
        .filter((one) => one.endsWith('.headscope-analysis.json'))
        .map((one) => JSON.parse(readFileSync(join(results, one), 'utf8')) as AnalysisResult)
        .filter(({ analysis }) => analysis === 'own:told')
        .sort((a, b) => a.created.localeCompare(b.created));
    for (const layer of [0, 1]) {
      await run(panel, { layer });
      await panel.locator('h1', { hasText: `layer ${layer}` }).waitFor({ timeout: patience(60_000) });
      await panel.locator('#save').click();
      await panel.locator('.run-state', { hasText: 'saved as' }).waitFor();
    }
    const focus = saved().map(({ result }) => (result as { readonly focus: readonly number[] }).focus);
    const [earlier = [], later = []] = focus;
    assert.ok(earlier.length > 0 && focus.length === 2);
    await panel.locator('#compare').click();
    await page.locator('.quick-input-list .monaco-list-row').first().click();
    const change = panel.locator('[data-section=change] p');
    await change.first().waitFor({ timeout: patience(30_000) });
    assert.deepEqual(
      await change.allInnerTexts(),
      later.map((one, head) => String(one - earlier[head]!)),
    );

    const [file = ''] = readdirSync(results)
      .filter((one) => one.includes('own-told'))
      .sort();
    // The search of files knows a new one late.
    const row = (name: RegExp | string) => page.locator('.explorer-folders-view .monaco-list-row', { hasText: name });
    await row(/^\.headscope$/u).click();
    await row(file).click();
    const opened = await workbenchPanel(bench, 'file');
    const load = opened.locator('#load-model');
    await load.click();
    await load.waitFor({ state: 'detached' });
    const ask = async (row: number, words: RegExp): Promise<void> => {
      await opened.locator('[data-section=focus] tbody tr').nth(row).click();
      await opened.getByRole('button', { name: 'Say it again' }).click();
      await opened.locator('.answer', { hasText: words }).waitFor({ timeout: patience(30_000) });
    };
    await ask(0, new RegExp(`${earlier[0]} of \\d+ tokens`, 'u'));
    appendFileSync(join(workspace, told), '// Another text.\n');
    await ask(1, /told\.headscope-analysis\.ts, or a file that it imports, has changed since it gave this result/);
    assert.equal(await opened.locator('[data-section=focus] tbody tr').count(), earlier.length, 'its numbers stay');
  });

  it('an analysis is cancelled while it runs, and its process ends', async () => {
    const { bench, host } = window();
    await bench.openFile(told);
    await bench.page.locator('.editor-group-container.active .view-line', { hasText: 'Told focus' }).waitFor();
    assert.equal(await bench.page.locator('.editor-group-container.active .squiggly-error').count(), 0);
    await bench.runCommand('Headscope: Run on a Model…');
    const panel = await workbenchPanel(bench, 'full');
    await run(panel, { rounds: 1e6 });
    await panel.locator('#cancel').click();
    await panel.getByText('Cancelled. There is no result').first().waitFor();
    while (processesOf(host.profile, 'kernel-process.js').length > 0) await setTimeout(50);
  });
});
